//! Virtual devices: who they are and what data they hold, made only when asked for.

mod apart;
mod own;
mod partition;
mod renamed;
mod teacher;
mod tested;

pub use apart::Apart;
pub use own::Own;
pub use tested::{Held, Tested};

use std::{borrow::Cow, path::Path};

use murmur_client::{
    Dataset, Drawn, Examples,
    data::{User, load_audio, load_folder, load_table, load_text},
};
use murmur_round::{device_id::DeviceId, model::ModelSpec};

use crate::{
    SimError,
    scenario::{Partition, Scenario, Source},
};
use teacher::{Pupil, Teacher};

/// A population of virtual devices. Devices are numbered from 0; a number costs no memory where a program draws the data, and one index
/// per example for a partitioned folder.
pub struct Population {
    names: Names,
    data: Data,
    test: Examples,
    test_users: Vec<User>,
}

enum Names {
    /// Device `i` is called `i`.
    Numbered(u64),
    /// Natural users.
    Users(Vec<DeviceId>),
}

enum Data {
    /// Made when they are asked for.
    Drawn {
        drawn: Drawn,
        seed: u64,
        samples: usize,
        /// Whether every device has names of its own for the classes.
        own_labels: bool,
    },
    /// Every device's examples, made in advance.
    Held(Vec<Examples>),
    Partitioned {
        dataset: Box<Dataset>,
        parts: Vec<Vec<usize>>,
    },
}

impl Population {
    /// The population of a scenario, checked against the task's model.
    ///
    /// # Errors
    /// [`SimError`] when the data cannot be loaded, do not fit the model or are too few.
    pub fn of(scenario: &Scenario) -> Result<Self, SimError> {
        let spec = &scenario.population;
        match &spec.source {
            Source::Strokes {} => Self::of_drawn(scenario, Drawn::Strokes),
            Source::AppUsage {} => Self::of_drawn(scenario, Drawn::AppUsage),
            Source::Teacher {} => Self::of_teacher(scenario),
            Source::Table(table) => {
                let path = named(table.path.as_deref(), "a table")?;
                Self::of_file(
                    scenario,
                    path,
                    load_table(table, path)?,
                    "no row is for testing: name a column with split",
                )
            }
            Source::Text(text) => {
                let path = named(text.path.as_deref(), "text")?;
                let untested = "nothing is left to test on: lower population.source.train";
                Self::of_file(scenario, path, load_text(text, path)?, untested)
            }
            Source::Audio(audio) => {
                let path = named(audio.path.as_deref(), "audio")?;
                let untested = "no clip is for testing: say with split which are";
                Self::of_file(scenario, path, load_audio(audio, path)?, untested)
            }
            Source::Folder { path: None } => Err(SimError::Population(
                "the source is a folder and none is named: give --data DIR, or set population.source.path".to_owned(),
            )),
            Source::Folder { path: Some(folder) } => Self::of_folder(scenario, folder),
        }
    }

    fn of_drawn(scenario: &Scenario, drawn: Drawn) -> Result<Self, SimError> {
        let spec = &scenario.population;
        let devices = spec.devices.unwrap_or_default();
        let samples = spec.samples_per_device.unwrap_or_default();
        let test = unseen(drawn, scenario.seed, scenario.evaluation.examples)?;
        test.check(&scenario.task.model).map_err(|error| SimError::Population(error.to_string()))?;
        let data = Data::Drawn { drawn, seed: scenario.seed, samples, own_labels: spec.own_labels };
        Ok(Self { names: Names::Numbered(devices), data, test, test_users: Vec::new() })
    }

    /// All examples are drawn here and held: a run looks at the same ones again and again.
    fn of_teacher(scenario: &Scenario) -> Result<Self, SimError> {
        let spec = &scenario.population;
        let (devices, samples) = (spec.devices.unwrap_or_default(), spec.samples_per_device.unwrap_or_default());
        if scenario.task.model.classes().is_none() {
            let kind = scenario.task.model.kind();
            let message = "the source \"teacher\" draws numbers and labels, which a model of kind";
            return Err(SimError::Population(format!("{message} {kind:?} does not take")));
        }
        let teacher = Teacher::new(scenario.seed, &scenario.task.model);
        let wrong = |error: murmur_client::data::ExampleError| SimError::Population(error.to_string());
        let drawn = |pupil, count| teacher.examples(&pupil, count).map_err(wrong);
        let held = (0..devices).map(|index| drawn(Pupil::Device(index), samples)).collect::<Result<_, _>>()?;
        let test = drawn(Pupil::Test, scenario.evaluation.examples)?;
        Ok(Self { names: Names::Numbered(devices), data: Data::Held(held), test, test_users: Vec::new() })
    }

    /// The population of one file whose users are devices; `untested` says what to do where it holds nothing to test on.
    fn of_file(scenario: &Scenario, path: &Path, dataset: Dataset, untested: &str) -> Result<Self, SimError> {
        check(&dataset, &scenario.task.model)?;
        let dataset = dataset.holding_out(&scenario.population.held_out)?;
        Self::of_users(dataset).ok_or_else(|| SimError::Population(format!("{}: {untested}", path.display())))
    }

    /// Every user of the data is a device; none where there is nothing to test on.
    fn of_users(dataset: Dataset) -> Option<Self> {
        let test = dataset.test().filter(|test| !test.is_empty())?.clone();
        let test_users = dataset.test_users().unwrap_or_default().to_vec();
        let users = dataset.users().unwrap_or_default();
        let parts = users.iter().map(|user| user.indices.clone().collect()).collect();
        let names = Names::Users(users.iter().map(|user| user.name.clone()).collect());
        Some(Self { names, data: Data::Partitioned { dataset: Box::new(dataset), parts }, test, test_users })
    }

    fn of_folder(scenario: &Scenario, folder: &Path) -> Result<Self, SimError> {
        let (spec, model) = (&scenario.population, &scenario.task.model);
        let dataset = load_folder(folder)?;
        check(&dataset, model)?;
        let dataset = dataset.holding_out(&spec.held_out)?;
        let test = test_of(&dataset, folder)?;
        let devices = spec.devices.unwrap_or_default();
        let samples = spec.samples_per_device.unwrap_or_default();
        if dataset.train().is_text() && spec.partition != Some(Partition::Natural {}) {
            let message =
                "the data are text, which belongs to whoever wrote it: write partition = { kind = \"natural\" }";
            return Err(SimError::Population(format!("{}: {message}", folder.display())));
        }
        let labels = dataset.train().labels();
        let numbered = || Names::Numbered(devices);
        let (names, parts) = match spec.partition {
            Some(Partition::Natural {}) => {
                let users = dataset.users().filter(|users| !users.is_empty()).ok_or_else(|| {
                    SimError::Population(format!("{}: the data name no natural users", folder.display()))
                })?;
                let parts = users.iter().map(|user| user.indices.clone().collect()).collect();
                (Names::Users(users.iter().map(|user| user.name.clone()).collect()), parts)
            }
            Some(Partition::Dirichlet { alpha }) => {
                let classes = model.classes().unwrap_or_default();
                (numbered(), partition::dirichlet(labels, classes, devices, samples, alpha, scenario.seed)?)
            }
            Some(Partition::Shards { per_device }) => {
                (numbered(), partition::shards(labels, devices, samples, per_device, scenario.seed)?)
            }
            Some(Partition::Quantity { alpha }) => {
                (numbered(), partition::quantity(labels.len(), devices, samples, alpha, scenario.seed)?)
            }
            Some(Partition::Iid {}) | None => {
                (numbered(), partition::iid(labels.len(), devices, samples, scenario.seed)?)
            }
        };
        let test_users = dataset.test_users().unwrap_or_default().to_vec();
        Ok(Self { names, data: Data::Partitioned { dataset: Box::new(dataset), parts }, test, test_users })
    }

    /// Number of devices.
    #[must_use]
    pub fn devices(&self) -> u64 {
        match &self.names {
            Names::Numbered(count) => *count,
            Names::Users(users) => users.len() as u64,
        }
    }

    /// The enrolled name of device `index`.
    ///
    /// # Errors
    /// [`SimError::Population`] for a number beyond the population.
    pub fn device(&self, index: u64) -> Result<DeviceId, SimError> {
        let unknown = || SimError::Population(format!("there is no device number {index}"));
        match &self.names {
            Names::Numbered(count) if index < *count => index.to_string().parse().map_err(|_| unknown()),
            Names::Numbered(_) => Err(unknown()),
            Names::Users(users) => users.get(index as usize).cloned().ok_or_else(unknown),
        }
    }

    /// How many examples device `index` has.
    #[must_use]
    pub fn samples(&self, index: u64) -> usize {
        match &self.data {
            Data::Drawn { samples, .. } => *samples,
            Data::Held(held) => held.get(index as usize).map_or(0, Examples::len),
            Data::Partitioned { parts, .. } => parts.get(index as usize).map_or(0, Vec::len),
        }
    }

    /// The examples of device `index`, whose name is `device`.
    ///
    /// # Panics
    /// When there is no such device, like a slice.
    #[must_use]
    pub fn examples(&self, index: u64, device: &DeviceId) -> Cow<'_, Examples> {
        match &self.data {
            Data::Drawn { samples, .. } => Cow::Owned(self.drawn_examples(device, *samples)),
            Data::Held(examples) => Cow::Borrowed(&examples[index as usize]),
            Data::Partitioned { dataset, parts } => {
                Cow::Owned(dataset.train().select(parts.get(index as usize).map_or(&[], Vec::as_slice)))
            }
        }
    }

    /// The first `count` examples of `device`, of a population that a program draws; asking for more later only appends. Of others, none.
    fn drawn_examples(&self, device: &DeviceId, count: usize) -> Examples {
        let Data::Drawn { drawn, seed, own_labels, .. } = &self.data else { return self.test.slice(0..0) };
        let examples = drawn.examples(*seed, device, count);
        if *own_labels { renamed::renamed(&examples, *seed, device, drawn.classes()) } else { examples }
    }

    /// Whose the test examples are, where the data know.
    #[must_use]
    pub fn test_users(&self) -> &[User] {
        &self.test_users
    }

    /// Test examples outside the population.
    #[must_use]
    pub fn test(&self) -> &Examples {
        &self.test
    }
}

/// What a folder holds for testing.
fn test_of(dataset: &Dataset, folder: &Path) -> Result<Examples, SimError> {
    let test = dataset.test().filter(|test| !test.is_empty()).cloned();
    test.ok_or_else(|| SimError::Population(format!("{}: no test examples to evaluate on", folder.display())))
}

/// The file of a source that has one.
fn named<'a>(path: Option<&'a Path>, what: &str) -> Result<&'a Path, SimError> {
    path.ok_or_else(|| {
        SimError::Population(format!(
            "the source is {what} and none is named: give --data FILE, or set population.source.path"
        ))
    })
}

fn check(dataset: &Dataset, model: &ModelSpec) -> Result<(), SimError> {
    dataset.check(model).map_err(SimError::from)
}

/// Test examples of people who are no device, ten from each.
fn unseen(drawn: Drawn, seed: u64, count: usize) -> Result<Examples, SimError> {
    const EACH: usize = 10;
    let wrong = |error: murmur_client::data::ExampleError| SimError::Population(error.to_string());
    let mut test = Examples::none(drawn.shape()).map_err(wrong)?;
    for person in 0..count.div_ceil(EACH) {
        let examples = EACH.min(count - person * EACH);
        test.append(&drawn.unseen(seed, person as u64, examples)).map_err(wrong)?;
    }
    Ok(test)
}
