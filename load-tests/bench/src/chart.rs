//! The ratios of a run as an SVG picture.

use crate::report::Report;
use crate::scenario::Scenario;
use crate::target::Side;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 210.0;
/// The ratio at the right edge.
const MOST: f64 = 1.6;
const ROW: f64 = 46.0;

/// Bars of requests per CPU second over bare Pingora, with the spread over the rounds.
pub fn svg(report: &Report, title: &str) -> String {
    let height = 70.0 + ROW * Scenario::ALL.len() as f64;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\">{title}</text>\n\
         <rect x=\"{LEFT}\" y=\"32\" width=\"12\" height=\"10\" fill=\"#3b6ea5\"/><text x=\"228\" y=\"42\">over bare Pingora, same build</text>\n\
         <rect x=\"440\" y=\"32\" width=\"12\" height=\"10\" fill=\"#8aa9c7\"/><text x=\"458\" y=\"42\">over bare Pingora, stock</text>\n"
    );
    for (number, scenario) in Scenario::ALL.into_iter().enumerate() {
        let top = 56.0 + ROW * number as f64;
        picture.push_str(&format!(
            "<text x=\"12\" y=\"{:.0}\">{}</text>\n",
            top + 22.0,
            scenario.name()
        ));
        for (side, color, shift) in [(Side::Same, "#3b6ea5", 0.0), (Side::Stock, "#8aa9c7", 18.0)] {
            if let Some(spread) = report.ratio(scenario, side) {
                let bar = [spread.least, spread.median, spread.greatest];
                picture.push_str(&bar_of(bar, color, top + shift));
            }
        }
    }
    let one = x(1.0);
    picture.push_str(&format!(
        "<line x1=\"{one:.0}\" y1=\"50\" x2=\"{one:.0}\" y2=\"{:.0}\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>\n</svg>\n",
        height - 10.0
    ));
    picture
}

fn x(ratio: f64) -> f64 {
    LEFT + (WIDTH - LEFT - 60.0) * ratio.min(MOST) / MOST
}

fn bar_of([least, median, greatest]: [f64; 3], color: &str, top: f64) -> String {
    format!(
        "<rect x=\"{LEFT}\" y=\"{top:.0}\" width=\"{:.1}\" height=\"15\" fill=\"{color}\"/>\
         <line x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\" stroke=\"#222\"/>\
         <text x=\"{:.1}\" y=\"{:.0}\">{median:.2}</text>\n",
        x(median) - LEFT,
        x(least),
        x(greatest),
        x(greatest).max(x(median)) + 6.0,
        top + 12.0,
        middle = top + 7.5,
    )
}
