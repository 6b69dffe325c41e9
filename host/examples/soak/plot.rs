//! The memory of the server over time, as a picture.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::{report, run::Report};

/// Draws it as SVG.
///
/// # Errors
///
/// When the file cannot be written.
pub fn memory(report: &Report, file: &Path) -> Result<(), Box<dyn Error>> {
    let points =
        || report.samples.iter().map(|sample| (sample.calls as f64 / 1e6, report::megabytes(sample.held.memory)));
    let (calls, most) = points().fold((0.0_f64, 0.0_f64), |(calls, most), (x, y)| (calls.max(x), most.max(y)));
    let text = |size: i32| ("sans-serif", size).into_font();

    let root = SVGBackend::new(file, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    // From zero, so that a small change looks small.
    let mut chart = ChartBuilder::on(&root)
        .caption("Resident memory of toolcell serve", text(18))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..calls.max(f64::EPSILON), 0.0..most * 1.2)?;
    chart
        .configure_mesh()
        .x_desc("million calls")
        .y_desc("MB")
        .label_style(text(13))
        .bold_line_style(BLACK.mix(0.15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    chart.draw_series(LineSeries::new(points(), RGBColor(0x1f, 0x5f, 0xa8).stroke_width(2)))?;
    root.present()?;
    Ok(())
}
