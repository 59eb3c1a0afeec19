//! Who may look: the one browser that brought the token, and no page of anybody else in it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use anyhow::Result;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use murmur_privacy::Digest;
use thiserror::Error;

/// What only this process and one other know.
pub(super) struct Secret([u8; 32]);

impl Secret {
    fn new() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Compared by digests: how long that takes tells nothing about the secret.
    fn is(&self, told: &str) -> bool {
        Digest::of(self.to_string().as_bytes()) == Digest::of(told.as_bytes())
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A request that is not answered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum Rejected {
    #[error("the page is only looked at: nothing but GET is answered")]
    Method,
    #[error("this is not the host that was asked for")]
    Host,
    #[error("another site asks for this page")]
    Origin,
    #[error("the token is wrong, or was used before: end `murmur-server page` and start it again for another one")]
    Token,
    #[error("open the address that `murmur-server page` printed, which has a token in it")]
    Stranger,
}

impl Rejected {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::Token | Self::Stranger => StatusCode::FORBIDDEN,
        }
    }
}

/// What a request that is let in gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// What it asks for.
    Known,
    /// This cookie, and the page without the token in its address.
    New(HeaderValue),
}

/// The doorkeeper.
pub(super) struct Visitors {
    hosts: [String; 2],
    /// Cookies know no ports: the name keeps several of these commands apart.
    cookie: String,
    session: Secret,
    token: Mutex<Option<Secret>>,
}

impl Visitors {
    /// For a listener at this address; with the token that admits one browser, once.
    pub(super) fn new(address: SocketAddr) -> Result<(Self, String)> {
        let (session, token) = (Secret::new()?, Secret::new()?);
        let told = token.to_string();
        let hosts = [address.to_string(), format!("localhost:{}", address.port())];
        let cookie = format!("murmur-page-{}", address.port());
        Ok((Self { hosts, cookie, session, token: Mutex::new(Some(token)) }, told))
    }

    /// Whether a request is answered.
    pub(super) fn admit<B>(&self, request: &Request<B>) -> Result<Admitted, Rejected> {
        if request.method() != Method::GET {
            return Err(Rejected::Method);
        }
        let headers = request.headers();
        // A name that somebody else made to point here is not one of ours.
        let host = text(headers, header::HOST).ok_or(Rejected::Host)?;
        if !self.hosts.iter().any(|own| own == host) {
            return Err(Rejected::Host);
        }
        let own_origin = |origin: &str| origin.strip_prefix("http://") == Some(host);
        if headers.contains_key(header::ORIGIN) && !text(headers, header::ORIGIN).is_some_and(own_origin) {
            return Err(Rejected::Origin);
        }
        // Browsers say so by themselves; none of them has to be believed about the rest.
        if text(headers, "sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
            return Err(Rejected::Origin);
        }
        if let Some(told) = request.uri().query().and_then(|query| query.strip_prefix("token=")) {
            return self.redeem(told);
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        if pairs.any(|(name, value)| name == self.cookie && self.session.is(value)) {
            Ok(Admitted::Known)
        } else {
            Err(Rejected::Stranger)
        }
    }

    fn redeem(&self, told: &str) -> Result<Admitted, Rejected> {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if !token.as_ref().is_some_and(|token| token.is(told)) {
            return Err(Rejected::Token);
        }
        *token = None;
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie, self.session);
        HeaderValue::from_str(&cookie).map(Admitted::New).map_err(|_| Rejected::Token)
    }
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::get(path).header("host", "127.0.0.1:4242");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn visitors() -> (Visitors, String) {
        Visitors::new("127.0.0.1:4242".parse().unwrap()).unwrap()
    }

    #[test]
    fn the_token_admits_one_browser_once_and_its_cookie_ever_after() {
        let (visitors, token) = visitors();
        assert_eq!(visitors.admit(&asked("/", &[])), Err(Rejected::Stranger));
        assert_eq!(visitors.admit(&asked("/?token=0", &[])), Err(Rejected::Token));
        let Ok(Admitted::New(cookie)) = visitors.admit(&asked(&format!("/?token={token}"), &[])) else {
            panic!("a new visitor");
        };
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        assert_eq!(visitors.admit(&asked("/", &[("cookie", pair)])), Ok(Admitted::Known));
        let several = format!("other=1; {pair}");
        assert_eq!(visitors.admit(&asked("/page/state", &[("cookie", &several)])), Ok(Admitted::Known));
        assert_eq!(visitors.admit(&asked(&format!("/?token={token}"), &[])), Err(Rejected::Token), "once");
        let forged = format!("murmur-page-4242={token}");
        assert_eq!(visitors.admit(&asked("/", &[("cookie", &forged)])), Err(Rejected::Stranger));
    }

    #[test]
    fn no_other_site_and_no_other_name_is_answered_whatever_it_holds() {
        let (visitors, token) = visitors();
        let Ok(Admitted::New(cookie)) = visitors.admit(&asked(&format!("/?token={token}"), &[])) else {
            panic!("a new visitor");
        };
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let with = |more: &[(&str, &str)]| {
            let mut headers = vec![("cookie", pair.as_str())];
            headers.extend_from_slice(more);
            visitors.admit(&asked("/", &headers))
        };
        assert_eq!(
            with(&[("origin", "http://127.0.0.1:4242"), ("sec-fetch-site", "same-origin")]),
            Ok(Admitted::Known)
        );
        assert_eq!(with(&[("origin", "http://evil.example:4242")]), Err(Rejected::Origin));
        assert_eq!(with(&[("origin", "https://127.0.0.1:4242")]), Err(Rejected::Origin));
        assert_eq!(with(&[("origin", "null")]), Err(Rejected::Origin));
        for site in ["cross-site", "same-site"] {
            assert_eq!(with(&[("sec-fetch-site", site)]), Err(Rejected::Origin), "{site}");
        }
        let mut request = asked("/", &[("cookie", &pair)]);
        request.headers_mut().insert("host", HeaderValue::from_static("evil.example:4242"));
        assert_eq!(visitors.admit(&request), Err(Rejected::Host));
        request.headers_mut().remove("host");
        assert_eq!(visitors.admit(&request), Err(Rejected::Host));
        request.headers_mut().insert("host", HeaderValue::from_static("localhost:4242"));
        assert_eq!(visitors.admit(&request), Ok(Admitted::Known));
        *request.method_mut() = Method::POST;
        assert_eq!(visitors.admit(&request), Err(Rejected::Method));
    }
}
