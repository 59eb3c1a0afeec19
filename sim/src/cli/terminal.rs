//! What is printed for people: with colours on a terminal only, and never where NO_COLOR is set.

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};

/// How a line on stderr begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Warning,
    Refused,
    Error,
    Interrupted,
}

impl Label {
    /// Of a failure: a refusal by the budget, or an error.
    pub(crate) fn of(refused: bool) -> Self {
        if refused { Self::Refused } else { Self::Error }
    }

    fn word(self) -> (&'static str, AnsiColor) {
        match self {
            Self::Warning => ("warning", AnsiColor::Yellow),
            Self::Refused => ("refused", AnsiColor::Yellow),
            Self::Error => ("error", AnsiColor::Red),
            Self::Interrupted => ("interrupted", AnsiColor::Yellow),
        }
    }
}

/// A line on stderr.
pub(crate) fn label(label: Label, text: &str) {
    let (word, colour) = label.word();
    let style = colour.on_default().bold();
    eprintln!("{style}{word}{style:#}: {text}");
}

/// A result on stdout.
pub(crate) fn say(text: &str) {
    println!("{}", marked(text));
}

/// Something to know, on stderr.
pub(crate) fn tell(text: &str) {
    eprintln!("{}", marked(text));
}

/// The words that nobody may miss, in a colour.
fn marked(text: &str) -> String {
    let style: Style = AnsiColor::Yellow.on_default().bold();
    ["NOT PRIVATE", "SIMULATED", "SCALED"]
        .into_iter()
        .fold(text.to_owned(), |text, word| text.replace(word, &format!("{style}{word}{style:#}")))
}
