//! The frame of every report.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");

/// What a report is made of.
pub(super) struct Page {
    /// What it is about.
    pub(super) title: String,
    /// What kind of report it is.
    pub(super) kind: &'static str,
    /// What it comes to, in a sentence.
    pub(super) lead: String,
    /// What nobody may miss.
    pub(super) warnings: Vec<String>,
    /// The numbers one looks for: name, value, what it is of.
    pub(super) key: Vec<(&'static str, String, String)>,
    pub(super) sections: Vec<Section>,
}

/// A part of a report.
pub(super) struct Section {
    /// Its name in links.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Markup,
}

impl Page {
    /// The whole file.
    pub(super) fn html(&self) -> String {
        let whole = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    // Whatever stands in here loads nothing and runs nothing.
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    meta name="generator" content=(concat!("murmur-sim ", env!("CARGO_PKG_VERSION")));
                    title { (self.title) " · " (self.kind) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header {
                        p.kicker { (self.kind) }
                        h1 { (self.title) }
                        p.lead { (self.lead) }
                        @if !self.warnings.is_empty() {
                            div.banner role="note" { @for warning in &self.warnings { p { (warning) } } }
                        }
                        dl.key {
                            @for (name, value, of) in &self.key {
                                div { dt { (name) } dd { (value) } @if !of.is_empty() { dd { (of) } } }
                            }
                        }
                        nav aria-label="Sections" {
                            ul { @for section in &self.sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                        }
                    }
                    main #content {
                        @for section in &self.sections {
                            section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                                h2 id={ (section.id) "-title" } { (section.title) }
                                (section.body)
                            }
                        }
                    }
                    footer {
                        "Drawn by murmur-sim " (env!("CARGO_PKG_VERSION")) " from the files of its folder alone. This file loads nothing from \
                         anywhere and runs no program."
                    }
                }
            }
        };
        whole.into_string()
    }
}

/// Names and what stands for them.
pub(super) fn facts(facts: &[(&str, String)]) -> Markup {
    html! { dl.facts { @for (name, value) in facts { dt { (name) } dd { (value) } } } }
}

/// A table of shares, each with a bar: name, value, share from 0 to 1, what to know of it.
pub(super) fn bars(heads: [&str; 3], rows: &[(String, String, f64, String)]) -> Markup {
    html! {
        div.scroll tabindex="0" {
            table.bars {
                thead { tr { th scope="col" { (heads[0]) } th.number scope="col" { (heads[1]) } th.number scope="col" { (heads[2]) } td { } } }
                tbody {
                    @for (name, value, share, about) in rows {
                        tr {
                            th scope="row" { (name) @if !about.is_empty() { br; span.note { (about) } } }
                            td.number { (value) }
                            td.number { (format!("{:.1} %", 100.0 * share)) }
                            td.bar aria-hidden="true" { span style=(format!("width:{:.2}%", 100.0 * share.clamp(0.0, 1.0))) {} }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::COLOURS;

    #[test]
    fn every_colour_of_a_chart_is_another_one_in_the_dark() {
        for (index, colour) in COLOURS.iter().enumerate() {
            let name = format!("--series-{}", index + 1);
            assert_eq!(STYLE.matches(&format!("{name}: {colour};")).count(), 1, "{colour}");
            assert_eq!(STYLE.matches(&format!("{name}: ")).count(), 2, "{colour}");
            for part in ["stroke", "fill"] {
                assert!(
                    STYLE.contains(&format!("[{part}=\"{colour}\"] {{ {part}: var({name}); }}")),
                    "{part} {colour}"
                );
            }
        }
    }

    #[test]
    fn what_stands_in_a_page_is_text() {
        let section = Section { id: "one", title: "One", body: facts(&[("a", "<script>".to_owned())]) };
        let page = Page {
            title: "<b>&".to_owned(),
            kind: "Test",
            lead: String::new(),
            warnings: vec!["<i>".to_owned()],
            key: vec![("n", "<u>".to_owned(), String::new())],
            sections: vec![section],
        };
        let html = page.html();
        for raw in ["<b>", "<script>", "<i>", "<u>"] {
            assert!(!html.contains(raw), "{raw}");
        }
        assert!(html.contains("<h1>&lt;b&gt;&amp;</h1>") && html.contains("href=\"#one\""));
    }
}
