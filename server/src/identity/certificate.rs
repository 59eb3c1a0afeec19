//! What a device certificate says: `murmur://device/POPULATION/ID/ENROLMENT` as its one subject alternative name.

use murmur_round::task::check_name;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use super::Refusal;
use crate::{moment::Moment, store::Enrolled};

const SCHEME: &str = "murmur://device/";

/// The identity, as it stands in a certificate.
pub(super) fn uri(enrolled: &Enrolled) -> String {
    format!("{SCHEME}{}/{}/{}", enrolled.population, enrolled.device, enrolled.enrolment)
}

/// What one certificate of our authority states. That it is one of ours was checked when the connection was made.
#[derive(Debug)]
pub(super) struct Stated {
    pub(super) enrolled: Enrolled,
    from: Moment,
    until: Moment,
}

impl Stated {
    pub(super) fn read(der: &[u8]) -> Result<Self, Refusal> {
        let refused = |what| Refusal::NotADevice { what };
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| refused("it cannot be read"))?;
        let names = certificate.subject_alternative_name().map_err(|_| refused("it cannot be read"))?;
        let names = names.ok_or_else(|| refused("it has no subject alternative name"))?;
        let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else {
            return Err(refused("its subject alternative name is not one URI"));
        };
        let validity = certificate.validity();
        let moment = |time: i64| Moment::new(time.try_into().unwrap_or(0));
        Ok(Self {
            enrolled: parse(uri).ok_or_else(|| refused("its URI names none"))?,
            from: moment(validity.not_before.timestamp()),
            until: moment(validity.not_after.timestamp()),
        })
    }

    /// Whether it holds now: a connection may outlive the certificate that it was made with.
    pub(super) fn expect_valid(&self, now: Moment) -> Result<(), Refusal> {
        let Self { from, until, .. } = *self;
        if from <= now && now <= until { Ok(()) } else { Err(Refusal::Expired { from, until, now }) }
    }
}

fn parse(uri: &str) -> Option<Enrolled> {
    let mut parts = uri.strip_prefix(SCHEME)?.split('/');
    let (population, device, enrolment) = (parts.next()?, parts.next()?, parts.next()?);
    check_name("population", population).ok()?;
    let enrolled = Enrolled {
        device: device.parse().ok()?,
        population: population.to_owned(),
        enrolment: enrolment.parse().ok()?,
    };
    // No second spelling of an identity, and nothing after it.
    (self::uri(&enrolled) == uri).then_some(enrolled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_one_spelling() {
        let enrolled = Enrolled { device: "ab12".parse().unwrap(), population: "phones".into(), enrolment: 3 };
        assert_eq!(uri(&enrolled), "murmur://device/phones/ab12/3");
        assert_eq!(parse("murmur://device/phones/ab12/3"), Some(enrolled));
        for bad in [
            "",
            "murmur://device/",
            "murmur://device/phones/ab12",
            "murmur://device/phones/ab12/",
            "murmur://device/phones/ab12/03",
            "murmur://device/phones/ab12/+3",
            "murmur://device/phones/ab12/3/",
            "murmur://device/phones/ab12/3/4",
            "murmur://device/../ab12/3",
            "murmur://device/phones/a b/3",
            "murmur://device//ab12/3",
            "murmur://operator/phones/ab12/3",
            "Murmur://device/phones/ab12/3",
            "murmur://device/phones/ab12/4294967296",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
