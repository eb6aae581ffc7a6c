//! The ratios of a run as an SVG picture: a panel for each figure.

use crate::report::Report;
use crate::report::figure::{Counted, Timed};
use crate::scenario::Scenario;
use crate::target::Side;

/// Panels beside each other.
const COLUMNS: usize = 2;
/// Of a panel.
const WIDTH: f64 = 620.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 70.0;
/// Of a kind of request: two bars.
const ROW: f64 = 34.0;
const BAR: f64 = 12.0;
/// Above the first row of a panel, and above the first panel.
const TOP: f64 = 34.0;
const HEAD: f64 = 60.0;
const COLOURS: [(Side, &str); 2] = [(Side::Same, "#3b6ea5"), (Side::Stock, "#8aa9c7")];

/// A figure's bars: least, median and greatest for each kind of request and bare proxy.
struct Panel {
    title: String,
    bars: Vec<[Option<[f64; 3]>; 2]>,
}

/// Everything that is told as a ratio to bare Pingora, with its spread over the rounds where it is
/// timed, and bytes as a line of text.
pub fn svg(report: &Report, title: &str) -> String {
    let timed = Timed::ALL.map(|timed| panel_of_timed(report, timed));
    let counted = Counted::ALL.map(|counted| panel_of_counted(report, counted));
    let panels: Vec<Panel> = timed.into_iter().chain(counted).collect();
    let high = TOP + ROW * Scenario::ALL.len() as f64 + 16.0;
    let lines = panels.len().div_ceil(COLUMNS) as f64;
    let (width, height) = (WIDTH * COLUMNS as f64, HEAD + high * lines + 30.0);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"16\">{title}</text>\n\
         <rect x=\"12\" y=\"36\" width=\"12\" height=\"10\" fill=\"#3b6ea5\"/><text x=\"30\" y=\"46\">over bare Pingora, same build</text>\n\
         <rect x=\"240\" y=\"36\" width=\"12\" height=\"10\" fill=\"#8aa9c7\"/><text x=\"258\" y=\"46\">over bare Pingora, stock</text>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let left = WIDTH * (number % COLUMNS) as f64;
        let top = HEAD + high * (number / COLUMNS) as f64;
        picture.push_str(&format!("<g transform=\"translate({left} {top})\">\n"));
        panel.draw(&mut picture);
        picture.push_str("</g>\n");
    }
    picture.push_str(&format!(
        "<text x=\"12\" y=\"{:.0}\">{}</text>\n</svg>\n",
        height - 12.0,
        bytes(report)
    ));
    picture
}

fn panel_of_timed(report: &Report, timed: Timed) -> Panel {
    let better = if timed.more_is_better() {
        "more"
    } else {
        "less"
    };
    let bars = Scenario::ALL.map(|scenario| {
        COLOURS.map(|(bare, _)| {
            let spread = report.ratio(scenario, timed, bare)?;
            Some([spread.least, spread.median, spread.greatest])
        })
    });
    Panel {
        title: format!("{} ({better} is better)", timed.name()),
        bars: bars.into(),
    }
}

fn panel_of_counted(report: &Report, counted: Counted) -> Panel {
    let bars = Scenario::ALL.map(|scenario| {
        COLOURS.map(|(bare, _)| Some([report.counted_ratio(scenario, counted, bare)?; 3]))
    });
    Panel {
        title: format!("{} for each request (less is better)", counted.name()),
        bars: bars.into(),
    }
}

impl Panel {
    fn draw(&self, picture: &mut String) {
        picture.push_str(&format!(
            "<text x=\"12\" y=\"20\" font-weight=\"bold\">{}</text>\n",
            self.title
        ));
        // The line of one is always in the picture, and the longest bar as well.
        let longest = self.bars.iter().flatten().flatten().flatten();
        let most = longest.fold(1.0_f64, |most, ratio| most.max(*ratio)) * 1.05;
        for (number, (scenario, bars)) in Scenario::ALL.iter().zip(&self.bars).enumerate() {
            let top = TOP + ROW * number as f64;
            let name = scenario.name();
            picture.push_str(&format!(
                "<text x=\"12\" y=\"{:.0}\">{name}</text>\n",
                top + 17.0
            ));
            for (place, (bar, (_, colour))) in bars.iter().zip(COLOURS).enumerate() {
                let top = top + (BAR + 2.0) * place as f64;
                match bar {
                    Some(bar) => picture.push_str(&drawn(*bar, most, colour, top)),
                    None => picture.push_str(&format!(
                        "<text x=\"{LEFT}\" y=\"{:.0}\" font-size=\"11\" fill=\"#888\">not measured</text>\n",
                        top + 10.0
                    )),
                }
            }
        }
        let (one, end) = (x(1.0, most), TOP + ROW * self.bars.len() as f64);
        picture.push_str(&format!(
            "<line x1=\"{one:.1}\" y1=\"{:.0}\" x2=\"{one:.1}\" y2=\"{end:.0}\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>\n",
            TOP - 6.0
        ));
    }
}

fn x(ratio: f64, most: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * ratio / most
}

fn drawn([least, median, greatest]: [f64; 3], most: f64, colour: &str, top: f64) -> String {
    let x = |ratio| x(ratio, most);
    format!(
        "<rect x=\"{LEFT}\" y=\"{top:.0}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
         <line x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\" stroke=\"#222\"/>\
         <text x=\"{:.1}\" y=\"{:.0}\" font-size=\"11\">{median:.2}</text>\n",
        x(median) - LEFT,
        x(least),
        x(greatest),
        x(greatest) + 5.0,
        top + 10.0,
        middle = top + BAR / 2.0,
    )
}

fn bytes(report: &Report) -> String {
    let each = report.memory.iter().map(|(side, memory)| {
        let session = memory.per_session.map_or_else(String::new, |bytes| {
            format!(", {bytes:.0} a cached session")
        });
        format!(
            "{}: {:.0} an idle connection{session}",
            side.name(),
            memory.per_connection
        )
    });
    format!("Resident bytes. {}", each.collect::<Vec<_>>().join("; "))
}
