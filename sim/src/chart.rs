//! Line charts as SVG, drawn so that they can be read on a phone: few ticks, large letters, the legend outside of the picture.

use std::ops::Range;

use plotters::{
    coord::ranged1d::{DefaultFormatting, KeyPointHint},
    prelude::*,
};

/// Pixels of the drawing library for one of a page's: it places everything on whole ones.
const FINE: u32 = 4;
/// Width and height; a page scales the picture to its column.
const SIZE: (u32, u32) = (460 * FINE, 310 * FINE);
const LETTERS: u32 = 13 * FINE;
/// Middle of a mark in the legend, from its left.
const LEGEND: i32 = 10 * FINE as i32;
/// Points of a line that bear a mark.
const MARKS: usize = 12;
/// One colour for each series, told apart by people who see no red or no green (Okabe and Ito 2008); a page in the dark lightens them.
pub const COLOURS: [&str; 6] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A6D00", "#56409A"];

/// A picture.
#[derive(Clone, Debug)]
pub struct Chart {
    /// From left to right.
    pub x: Axis,
    /// From below.
    pub y: Axis,
    /// What is drawn, in the order of [`COLOURS`].
    pub series: Vec<Series>,
    /// For a picture that stands alone: a line above it, and its legend within it. A page has both around it.
    pub caption: Option<String>,
}

/// An axis, with its unit in its label.
#[derive(Clone, Debug)]
pub struct Axis {
    label: String,
    range: Range<f64>,
    ticks: Vec<f64>,
    logarithmic: bool,
    percent: bool,
    /// Names in the place of the numbers 0, 1, 2 and so on.
    names: Vec<String>,
}

/// What the points of a series are marked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle that stands on its base.
    Triangle,
    /// An X.
    Cross,
}

impl Mark {
    /// The mark of the series of this number.
    #[must_use]
    pub fn of(series: usize) -> Self {
        [Self::Circle, Self::Square, Self::Triangle, Self::Cross][series % 4]
    }
}

/// Points that belong together.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Finite points, from left to right.
    pub points: Vec<(f64, f64)>,
    /// Least and most at each point, where it is known how far values spread.
    pub spread: Vec<(f64, f64)>,
    /// Drawn in dashes and without marks: something to compare with.
    pub reference: bool,
    /// Every point bears a mark, and no line joins them.
    pub apart: bool,
}

impl Series {
    /// A line through `points`.
    #[must_use]
    pub fn line(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, spread: Vec::new(), reference: false, apart: false }
    }

    /// Marks at `points`.
    #[must_use]
    pub fn marks(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { apart: true, ..Self::line(name, points) }
    }

    /// Something to compare with.
    #[must_use]
    pub fn reference(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { reference: true, ..Self::line(name, points) }
    }
}

impl Axis {
    /// An axis over all finite `values`, in equal steps.
    #[must_use]
    pub fn linear(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values);
        let room = if high > low { (high - low) * 0.06 } else { high.abs().max(1.0) * 0.1 };
        // Nothing that is counted or measured here is negative.
        let low = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Self::between(label, low, high + room)
    }

    /// An axis of exactly this range, in equal steps.
    #[must_use]
    pub fn between(label: impl Into<String>, low: f64, high: f64) -> Self {
        let rough = (high - low) / 6.0;
        let unit = 10.0_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * unit).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * unit);
        let first = (low / step - 1e-9).ceil() as i64;
        let ticks = (0..=10).map(|count| (first + count) as f64 * step).filter(|tick| *tick <= high + step * 1e-9);
        let (label, ticks) = (label.into(), ticks.collect());
        Self { label, range: low..high, ticks, logarithmic: false, percent: false, names: Vec::new() }
    }

    /// An axis of things that have names and no size: the first lies at 0, the second at 1.
    #[must_use]
    pub fn named(label: impl Into<String>, names: Vec<String>) -> Self {
        let ticks = (0..names.len()).map(|index| index as f64).collect();
        let range = -0.5..names.len() as f64 - 0.5;
        Self { label: label.into(), range, ticks, logarithmic: false, percent: false, names }
    }

    /// An axis over all positive finite `values`, in equal factors.
    #[must_use]
    pub fn logarithmic(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values.into_iter().filter(|value| *value > 0.0));
        let (low, high) = (low.max(1e-12), high.max(low.max(1e-12)));
        let factor = if high > low { (high / low).powf(0.06) } else { 2.0 };
        let (low, high) = (low / factor, high * factor);
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let digits: &[f64] = if high / low > 2e3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let ticks = decades.flat_map(|decade| digits.iter().map(move |digit| digit * 10.0_f64.powi(decade)));
        let ticks = ticks.filter(|tick| (low..=high).contains(tick)).collect();
        Self { label: label.into(), range: low..high, ticks, logarithmic: true, percent: false, names: Vec::new() }
    }

    /// The same axis with its ticks at these very values, where they are few enough and far enough apart to be told apart on paper.
    #[must_use]
    pub fn marked(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        /// The least room for a number, of the width of an axis.
        const ROOM: f64 = 0.08;
        let mut marks: Vec<f64> = values.into_iter().filter(|value| self.range.contains(value)).collect();
        marks.sort_by(f64::total_cmp);
        marks.dedup();
        let width = self.place(self.range.end) - self.place(self.range.start);
        let apart = |pair: &[f64]| self.place(pair[1]) - self.place(pair[0]) >= ROOM * width;
        if marks.len() > 1 && marks.windows(2).all(apart) {
            self.ticks = marks;
        }
        self
    }

    /// The same axis without ticks between whole numbers.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.ticks.retain(|tick| (tick - tick.round()).abs() < 1e-9);
        self
    }

    /// The same axis with its numbers in percent.
    #[must_use]
    pub fn percent(self) -> Self {
        Self { percent: true, ..self }
    }

    /// Where a value lies on the paper.
    fn place(&self, value: f64) -> f64 {
        let within = value.clamp(self.range.start, self.range.end);
        if self.logarithmic { within.ln() } else { within }
    }

    fn name(&self, place: f64) -> String {
        if let Some(name) = self.names.get(place.round().max(0.0) as usize) {
            return name.clone();
        }
        let value = if self.logarithmic { place.exp() } else { place };
        let value = if self.percent { 100.0 * value } else { value };
        let text = match value.abs() {
            size if size != 0.0 && !(1e-3..1e6).contains(&size) => format!("{value:.0e}"),
            size if size >= 10_000.0 => format!("{:.0}k", value / 1e3),
            // Twelve digits hide that 0.3 is no float.
            _ => format!("{}", (value * 1e6).round() / 1e6),
        };
        if self.percent { format!("{text} %") } else { text }
    }
}

fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

impl Chart {
    /// The picture, an `<svg>` element with a view box: it takes whatever width a page gives it.
    ///
    /// # Errors
    /// What the drawing library says.
    pub fn svg(&self) -> Result<String, String> {
        let mut picture = String::new();
        self.draw(&mut picture).map_err(|error| error.to_string())?;
        // A number for the eye that sees none of it, and no fixed size.
        let fixed = format!("<svg width=\"{}\" height=\"{}\" ", SIZE.0, SIZE.1);
        let names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        let label = format!("{} against {}: {}", self.y.label, self.x.label, names.join(", "));
        let label = label.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        Ok(picture.replacen(&fixed, &format!("<svg role=\"img\" aria-label=\"{label}\" "), 1))
    }

    fn draw(&self, picture: &mut String) -> Result<(), Box<dyn std::error::Error + '_>> {
        let area = SVGBackend::with_string(picture, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut builder = ChartBuilder::on(&area);
        if let Some(caption) = &self.caption {
            builder.caption(caption, ("sans-serif", LETTERS));
        }
        let mut context = builder
            .margin(8 * FINE)
            .margin_right(16 * FINE)
            .x_label_area_size(44 * FINE)
            .y_label_area_size(66 * FINE)
            .build_cartesian_2d(Paper::of(&self.x), Paper::of(&self.y))?;
        context
            .configure_mesh()
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .axis_desc_style(("sans-serif", LETTERS))
            .label_style(("sans-serif", LETTERS))
            .x_label_formatter(&|place| self.x.name(*place))
            .y_label_formatter(&|place| self.y.name(*place))
            .set_all_tick_mark_size(5 * FINE)
            .axis_style(RGBColor(136, 136, 136).stroke_width(FINE))
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(221, 221, 221).stroke_width(FINE))
            .draw()?;
        for ((index, series), colour) in self.series.iter().enumerate().zip(COLOURS.iter().cycle()) {
            let colour = colour_of(colour);
            let place = |(x, y): (f64, f64)| (self.x.place(x), self.y.place(y));
            let points: Vec<(f64, f64)> = series.points.iter().map(|point| place(*point)).collect();
            for ((x, _), (low, high)) in series.points.iter().zip(&series.spread) {
                let whisker = vec![place((*x, *low)), place((*x, *high))];
                context.draw_series([PathElement::new(whisker, colour.stroke_width(FINE))])?;
            }
            if series.reference {
                let dashes = DashedLineSeries::new(points, 5 * FINE, 4 * FINE, colour.stroke_width(2 * FINE));
                context.draw_series(dashes)?.label(&series.name).legend(move |(x, y)| line(x, y, colour));
                continue;
            }
            if series.apart {
                // The legend takes its name from something that is drawn: a line through no point.
                let nothing = LineSeries::new(std::iter::empty::<(f64, f64)>(), colour);
                let shown = context.draw_series(nothing)?.label(&series.name);
                match Mark::of(index) {
                    Mark::Circle => shown.legend(move |(x, y)| Circle::new((x + LEGEND, y), 4 * FINE, colour.filled())),
                    Mark::Triangle => {
                        shown.legend(move |(x, y)| TriangleMarker::new((x + LEGEND, y), 5 * FINE, colour.filled()))
                    }
                    Mark::Cross => {
                        let stroke = colour.stroke_width(2 * FINE);
                        shown.legend(move |(x, y)| Cross::new((x + LEGEND, y), 4 * FINE, stroke))
                    }
                    Mark::Square => shown.legend(move |(x, y)| {
                        let half = 4 * FINE as i32;
                        let corners = [(x + LEGEND - half, y - half), (x + LEGEND + half, y + half)];
                        Rectangle::new(corners, colour.filled())
                    }),
                };
            } else {
                let drawn = LineSeries::new(points.iter().copied(), colour.stroke_width(2 * FINE));
                context.draw_series(drawn)?.label(&series.name).legend(move |(x, y)| line(x, y, colour));
            }
            // All of a few points bear a mark, and some of many: lines are told apart without their colours.
            let step = if series.apart || points.len() <= 2 * MARKS { 1 } else { points.len().div_ceil(MARKS) };
            let marked = points.iter().rev().step_by(step);
            let filled = colour.filled();
            match Mark::of(index) {
                Mark::Circle => context.draw_series(marked.map(|at| Circle::new(*at, 3 * FINE, filled)))?,
                Mark::Triangle => context.draw_series(marked.map(|at| TriangleMarker::new(*at, 4 * FINE, filled)))?,
                Mark::Cross => {
                    context.draw_series(marked.map(|at| Cross::new(*at, 3 * FINE, colour.stroke_width(2 * FINE))))?
                }
                Mark::Square => context.draw_series(marked.map(|at| {
                    let half = 3 * FINE as i32;
                    EmptyElement::at(*at) + Rectangle::new([(-half, -half), (half, half)], filled)
                }))?,
            };
        }
        if self.caption.is_some() {
            let labels = &mut context.configure_series_labels();
            let labels = labels.position(self.emptiest_corner()).label_font(("sans-serif", LETTERS));
            labels.legend_area_size(28 * FINE).margin(6 * FINE).background_style(WHITE.mix(0.9)).draw()?;
        }
        area.present()?;
        Ok(())
    }
}

impl Chart {
    /// Where a legend hides the fewest points: at the top right, if nowhere else there are fewer.
    fn emptiest_corner(&self) -> SeriesLabelPosition {
        let share = |axis: &Axis, value: f64| {
            let (low, high) = (axis.place(axis.range.start), axis.place(axis.range.end));
            (axis.place(value) - low) / (high - low)
        };
        let points = || self.series.iter().flat_map(|series| &series.points);
        let hidden = |right: bool, top: bool| {
            let lies = |(x, y): &&(f64, f64)| (share(&self.x, *x) > 0.5) == right && (share(&self.y, *y) > 0.5) == top;
            points().filter(lies).count()
        };
        let corners = [
            (SeriesLabelPosition::UpperRight, hidden(true, true)),
            (SeriesLabelPosition::LowerRight, hidden(true, false)),
            (SeriesLabelPosition::LowerLeft, hidden(false, false)),
            (SeriesLabelPosition::UpperLeft, hidden(false, true)),
        ];
        // The first of equals.
        corners
            .into_iter()
            .min_by_key(|(_, hidden)| *hidden)
            .map_or(SeriesLabelPosition::UpperRight, |(corner, _)| corner)
    }
}

/// An axis on paper, with exactly its own ticks.
struct Paper {
    range: Range<f64>,
    ticks: Vec<f64>,
}

impl Paper {
    fn of(axis: &Axis) -> Self {
        let ticks = axis.ticks.iter().map(|tick| axis.place(*tick)).collect();
        Self { range: axis.place(axis.range.start)..axis.place(axis.range.end), ticks }
    }
}

impl Ranged for Paper {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// A piece of a series for the legend.
fn line(x: i32, y: i32, colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new(vec![(x, y), (x + 20 * FINE as i32, y)], colour.stroke_width(2 * FINE))
}

fn colour_of(hex: &str) -> RGBColor {
    let part = |from: usize| hex.get(from..from + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0);
    RGBColor(part(1), part(3), part(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_their_axis() {
        let axis = Axis::between("share", 0.0, 1.0);
        assert_eq!(
            axis.ticks.iter().map(|tick| axis.name(*tick)).collect::<Vec<_>>(),
            ["0", "0.2", "0.4", "0.6", "0.8", "1"]
        );
        let axis = Axis::logarithmic("epsilon", [0.25, 4.0]);
        assert_eq!(axis.ticks, [0.5, 1.0, 2.0]);
        assert_eq!(axis.clone().marked([4.0, 0.25, 1.0, 1.0, 9.0]).ticks, [0.25, 1.0, 4.0]);
        assert_eq!(axis.clone().marked([0.25, 0.26, 4.0]).ticks, axis.ticks);
        let axis = Axis::linear("accuracy", [0.771, 0.846]).percent();
        assert!(axis.ticks.len() > 2 && axis.ticks.iter().all(|tick| axis.range.contains(tick)), "{axis:?}");
        assert_eq!(axis.name(0.8), "80 %");
        // One value, or none, still has an axis.
        assert!(!Axis::linear("one", [3.0]).ticks.is_empty() && !Axis::logarithmic("none", []).ticks.is_empty());
    }

    #[test]
    fn named_things_bear_marks_and_the_legend_lies_where_the_fewest_do() {
        let chart = |ys: [f64; 3]| Chart {
            x: Axis::named("who", vec!["ann".to_owned(), "bob".to_owned(), "cyn".to_owned()]),
            y: Axis::between("accuracy", 0.0, 1.0),
            series: vec![Series::marks("own", (0..3).map(f64::from).zip(ys).collect())],
            caption: Some("three".to_owned()),
        };
        let svg = chart([0.9, 0.8, 0.7]).svg().unwrap();
        assert!(svg.contains("bob") && svg.contains("who"), "{svg}");
        // One for each point and one in the legend; lines are those of the axes alone.
        assert_eq!(svg.matches("<circle").count(), 4, "{svg}");
        assert!(matches!(chart([0.9, 0.8, 0.7]).emptiest_corner(), SeriesLabelPosition::LowerRight));
        assert!(matches!(chart([0.1, 0.8, 0.2]).emptiest_corner(), SeriesLabelPosition::UpperRight));
    }

    #[test]
    fn a_chart_holds_every_mark_and_names_its_axes() {
        let points = vec![(1.0, 0.7), (2.0, 0.8), (4.0, 0.85)];
        let (x, y) = (Axis::logarithmic("epsilon", [1.0, 4.0]), Axis::linear("accuracy (%)", [0.7, 0.85]));
        let series = Series { spread: vec![(0.69, 0.71); 3], ..Series::line("test", points.clone()) };
        let svg =
            Chart { x, y, series: vec![series, Series::reference("other", points)], caption: None }.svg().unwrap();
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert!(svg.contains("accuracy (%)") && svg.contains("viewBox") && !svg.starts_with("<svg width"), "{svg}");
    }
}
