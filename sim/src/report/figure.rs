//! A picture, what it is of, what its lines are, and the numbers behind it.

use maud::{Markup, PreEscaped, html};

use super::ReportError;
use crate::chart::{COLOURS, Chart, Mark};

/// More lines scroll in a box of their own.
const TALL: usize = 14;

/// A picture with everything that is needed to read it, whether one sees its colours or not.
pub(super) struct Figure {
    /// What it shows.
    pub(super) title: String,
    /// Of what: how many of what each point stands for.
    pub(super) caption: String,
    pub(super) chart: Chart,
    pub(super) table: Table,
}

/// Numbers.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads.
    pub(super) fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { columns: columns.map(str::to_owned).into(), rows: Vec::new() }
    }

    pub(super) fn markup(&self) -> Markup {
        html! {
            div class={ "scroll" @if self.rows.len() > TALL { " tall" } } tabindex="0" {
                table {
                    thead { tr { @for column in &self.columns { th.number scope="col" { (column) } } } }
                    tbody { @for row in &self.rows { tr { @for cell in row { td.number { (cell) } } } } }
                }
            }
        }
    }
}

impl Figure {
    pub(super) fn markup(&self) -> Result<Markup, ReportError> {
        let picture = self.chart.svg().map_err(ReportError::Drawing)?;
        Ok(html! {
            figure {
                figcaption { strong { (self.title) } (self.caption) }
                @if self.chart.series.len() > 1 {
                    ul.legend {
                        @for (index, series) in self.chart.series.iter().enumerate() {
                            li { (sample(index, series.reference)) (series.name) }
                        }
                    }
                }
                (PreEscaped(picture))
                details { summary { "Numbers" } (self.table.markup()) }
            }
        })
    }
}

/// A piece of a line, as the chart draws it.
fn sample(series: usize, reference: bool) -> Markup {
    let colour = COLOURS[series % COLOURS.len()];
    html! {
        svg viewBox="0 0 38 18" aria-hidden="true" {
            @if reference {
                line x1="0" y1="9" x2="38" y2="9" stroke=(colour) stroke-width="2.5" stroke-dasharray="6 5" {}
            } @else {
                line x1="0" y1="9" x2="38" y2="9" stroke=(colour) stroke-width="2.5" {}
                @match Mark::of(series) {
                    Mark::Circle => { circle cx="19" cy="9" r="4.5" fill=(colour) {} }
                    Mark::Square => { rect x="14.5" y="4.5" width="9" height="9" fill=(colour) {} }
                    Mark::Triangle => { polygon points="19,3 24.5,13.5 13.5,13.5" fill=(colour) {} }
                    Mark::Cross => { path d="M14 4 L24 14 M24 4 L14 14" stroke=(colour) stroke-width="2.5" {} }
                }
            }
        }
    }
}
