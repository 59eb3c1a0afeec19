//! The plan as a picture: how the noise on the average falls as the cohort grows.

use std::path::Path;

use plotters::prelude::*;

use super::{
    super::{BudgetError, PlanArguments},
    row::Row,
};

const SIZE: (u32, u32) = (860, 560);
const POISSON: RGBColor = RGBColor(0, 90, 160);
const ALLOCATION: RGBColor = RGBColor(200, 80, 0);

/// Writes the picture.
pub(super) fn draw(path: &Path, arguments: &PlanArguments, rows: &[Row]) -> Result<(), BudgetError> {
    let mut picture = String::new();
    drawn(&mut picture, arguments, rows).map_err(BudgetError::Plot)?;
    std::fs::write(path, picture).map_err(|cause| BudgetError::File { path: path.to_owned(), cause })
}

fn drawn(picture: &mut String, arguments: &PlanArguments, rows: &[Row]) -> Result<(), String> {
    let PlanArguments { population, epsilon, delta, rounds, accountant, .. } = arguments;
    let poisson: Vec<(f64, f64)> = rows.iter().map(|row| (row.cohort as f64, row.noise_over_clip)).collect();
    let allocated: Vec<(f64, f64)> =
        rows.iter().filter_map(|row| row.allocation.as_ref()).map(|row| (row.cohort, row.noise_over_clip)).collect();
    let all = || poisson.iter().chain(&allocated);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let (least, most) =
            all().map(of).fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        least / 1.5..most * 1.5
    };
    let title = format!(
        "noise for epsilon {epsilon} at delta {:e}, {rounds} rounds, {population} devices (add or remove one device; {})",
        delta.get(),
        accountant.name()
    );
    let area = SVGBackend::with_string(picture, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(said)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 16))
        .margin(16)
        .x_label_area_size(50)
        .y_label_area_size(90)
        .build_cartesian_2d(range(|point| point.0).log_scale(), range(|point| point.1).log_scale())
        .map_err(said)?;
    chart
        .configure_mesh()
        .x_desc("expected cohort (devices in a round)")
        .y_desc("noise on a coordinate of the average (standard deviation / clip)")
        .axis_desc_style(("sans-serif", 16))
        .label_style(("sans-serif", 14))
        .x_label_formatter(&|value| format!("{value}"))
        .y_label_formatter(&|value| format!("{value:.0e}"))
        .light_line_style(RGBColor(235, 235, 235))
        .bold_line_style(RGBColor(205, 205, 205))
        .draw()
        .map_err(said)?;
    for (points, colour, name) in
        [(&poisson, POISSON, "Poisson sampling"), (&allocated, ALLOCATION, "random allocation")]
    {
        if points.is_empty() {
            continue;
        }
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(4))
            .map_err(said)?
            .label(name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 24, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 15))
        .border_style(RGBColor(160, 160, 160))
        .background_style(WHITE.mix(0.9))
        .draw()
        .map_err(said)?;
    area.present().map_err(said)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
