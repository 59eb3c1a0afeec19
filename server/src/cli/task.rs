//! `task`: what a running server works on.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use murmur_privacy::units::{DeltaProbability, Epsilon};
use murmur_proto::v1::{
    CancelTaskRequest, CreateTaskRequest, ListTasksRequest, PauseTaskRequest, PopulationBudget, ResumeTaskRequest,
    TaskState, TaskStatus, WatchTaskRequest,
};
use murmur_server::store::keep_pretrained;

use super::{DataDirectory, operator, pretrained, shown::Shown};

#[derive(Debug, Subcommand)]
pub(super) enum Task {
    /// Create a task from its file. It begins as soon as enough devices are enrolled; until then it waits, and says why.
    Create(Create),
    /// Show how every task stands.
    List(List),
    /// Show how a task stands, and what it promises.
    Show(Named),
    /// Open no round until the task is resumed. One that is open goes on to its end.
    Pause(Named),
    /// Open rounds again.
    Resume(Named),
    /// End the task for good, after the round under way.
    Cancel(Named),
    /// Show how a task stands whenever that changes, until it is over.
    Watch(Named),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    data: DataDirectory,
    /// The task file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the task starts from, where that does not lie where the task's `pretrained.file` says. It is copied into the data directory.
    #[arg(long, value_name = "FILE")]
    pretrained: Option<PathBuf>,
    /// Lifetime budget of a new population; without it the population gets what this task asks for.
    #[arg(long, value_name = "E", requires = "population_delta", allow_negative_numbers = true)]
    population_epsilon: Option<f64>,
    /// Lifetime failure probability of a new population.
    #[arg(long, value_name = "D", requires = "population_epsilon", allow_negative_numbers = true)]
    population_delta: Option<f64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    data: DataDirectory,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Named {
    #[command(flatten)]
    data: DataDirectory,
    /// The task: its hash or the beginning of it, or its name where only one has it.
    #[arg(value_name = "TASK")]
    task: String,
    /// Print JSON: one object, or one a line from `watch`.
    #[arg(long)]
    json: bool,
}

impl Task {
    pub(super) fn run(&self) -> Result<u8> {
        match self {
            Self::Create(create) => create.run(),
            Self::List(list) => list.run(),
            Self::Show(named) => named.show(),
            Self::Pause(named) => named.change(Change::Pause),
            Self::Resume(named) => named.change(Change::Resume),
            Self::Cancel(named) => named.change(Change::Cancel),
            Self::Watch(named) => named.watch(),
        }?;
        Ok(0)
    }
}

impl Create {
    fn run(&self) -> Result<()> {
        let task_toml = fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        // What is wrong with the file is said with its name, whether a server runs or not.
        let task = murmur_round::task::Task::from_toml(&task_toml);
        let task = task.with_context(|| format!("task {}", self.file.display()))?;
        for file in pretrained::read(&task, &self.file, self.pretrained.as_ref())? {
            keep_pretrained(&self.data.path, &file)?;
        }
        let budget = match self.population_epsilon.zip(self.population_delta) {
            Some((epsilon, delta)) => Some(PopulationBudget {
                epsilon: Epsilon::new(epsilon)?.get(),
                delta: DeltaProbability::new(delta)?.get(),
            }),
            None => None,
        };
        let request = CreateTaskRequest { task_toml, budget };
        let status = operator::ask(&self.data.path, |mut admin| async move {
            Ok(admin.create_task(request).await.map_err(operator::said)?.into_inner().task.unwrap_or_default())
        })?;
        print(&status, self.json)
    }
}

impl List {
    fn run(&self) -> Result<()> {
        let all = operator::ask(&self.data.path, |mut admin| async move {
            Ok(admin.list_tasks(ListTasksRequest {}).await.map_err(operator::said)?.into_inner().tasks)
        })?;
        let mut out = BufWriter::new(io::stdout().lock());
        let shown = all.iter().map(Shown::of).collect::<Result<Vec<_>>>()?;
        if self.json {
            writeln!(out, "{}", serde_json::json!({ "tasks": shown }))?;
        } else {
            shown.iter().try_for_each(|task| writeln!(out, "{}", task.line()))?;
        }
        Ok(out.flush()?)
    }
}

#[derive(Clone, Copy)]
enum Change {
    Pause,
    Resume,
    Cancel,
}

impl Named {
    /// The only task that is called so.
    fn find(&self, all: Vec<TaskStatus>) -> Result<TaskStatus> {
        let is_meant = |status: &TaskStatus| {
            status.name == self.task || hex::encode(&status.task_hash).starts_with(&self.task.to_lowercase())
        };
        let mut meant: Vec<TaskStatus> = all.into_iter().filter(is_meant).collect();
        match (meant.pop(), meant.len()) {
            (Some(status), 0) => Ok(status),
            (None, _) => anyhow::bail!("no task is called {:?}: `murmur-server task list` shows all", self.task),
            (Some(_), more) => anyhow::bail!("{} tasks are called {:?}: name one by its hash", more + 1, self.task),
        }
    }

    fn show(&self) -> Result<()> {
        let all = operator::ask(&self.data.path, |mut admin| async move {
            Ok(admin.list_tasks(ListTasksRequest {}).await.map_err(operator::said)?.into_inner().tasks)
        })?;
        print(&self.find(all)?, self.json)
    }

    fn change(&self, change: Change) -> Result<()> {
        let status = operator::ask(&self.data.path, |mut admin| async move {
            let all = admin.list_tasks(ListTasksRequest {}).await.map_err(operator::said)?.into_inner().tasks;
            let task_hash = self.find(all)?.task_hash;
            let answer = match change {
                Change::Pause => admin.pause_task(PauseTaskRequest { task_hash }).await.map(|a| a.into_inner().task),
                Change::Resume => admin.resume_task(ResumeTaskRequest { task_hash }).await.map(|a| a.into_inner().task),
                Change::Cancel => admin.cancel_task(CancelTaskRequest { task_hash }).await.map(|a| a.into_inner().task),
            };
            Ok(answer.map_err(operator::said)?.unwrap_or_default())
        })?;
        print(&status, self.json)
    }

    fn watch(&self) -> Result<()> {
        operator::ask(&self.data.path, |mut admin| async move {
            let all = admin.list_tasks(ListTasksRequest {}).await.map_err(operator::said)?.into_inner().tasks;
            let task_hash = self.find(all)?.task_hash;
            let answer = admin.watch_task(WatchTaskRequest { task_hash }).await.map_err(operator::said)?;
            let mut stream = answer.into_inner();
            while let Some(message) = stream.message().await.map_err(operator::said)? {
                let shown = Shown::of(&message.task.unwrap_or_default())?;
                let mut out = io::stdout().lock();
                if self.json {
                    writeln!(out, "{}", serde_json::to_string(&shown)?)?
                } else {
                    writeln!(out, "{}", shown.line())?
                }
                out.flush()?;
            }
            Ok(())
        })
    }
}

fn print(status: &TaskStatus, json: bool) -> Result<()> {
    let shown = Shown::of(status)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&shown)?)?
    } else {
        write!(out, "{shown}")?
    }
    if status.state() == TaskState::Waiting && !json {
        eprintln!("it waits, and begins by itself once that changes");
    }
    Ok(())
}
