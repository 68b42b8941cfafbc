//! The chart: bars for each case, readable in light and dark themes.

use crate::report::{Case, Measured, number};
use crate::sample::Sample;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 130.0;
const BAR: f64 = 18.0;
const LONGEST: f64 = 500.0;

/// Colours that can be distinguished on white and on black, also with colour blindness.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}\
.title{font-size:15px;font-weight:600}.case{font-weight:600}\
.s0{fill:#8c959f}.s1{fill:#57606a}.s2{fill:#d4622a}.s3{fill:#2f7fc1}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}\
.s0{fill:#6e7681}.s1{fill:#a5adb8}.s2{fill:#f0883e}.s3{fill:#58a6ff}}";

/// Draws an SVG; the longest bar of each case has the full width.
pub(crate) fn draw(title: &str, cases: &[Case]) -> String {
    let mut body = String::new();
    let mut y = 26.0;
    write_text(&mut body, 10.0, y, "title", title);
    for case in cases {
        y += 30.0;
        write_text(&mut body, 10.0, y, "case", &case.name);
        y += 8.0;
        for (server, value, share) in bars(case) {
            draw_bar(&mut body, y, server, value, share);
            y += BAR + 4.0;
        }
    }
    let height = y + 12.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n{body}</svg>\n",
        escape(title)
    )
}

/// The servers of a case with their medians, relative to the highest one.
fn bars(case: &Case) -> Vec<(&Measured, f64, f64)> {
    let (metric, _) = case.measure();
    let value = |it: &Measured| Sample::median(&it.rounds).get(metric).unwrap_or_default();
    let highest = case.servers.iter().map(value).fold(f64::MIN_POSITIVE, f64::max);
    case.servers.iter().map(|it| (it, value(it), (value(it) / highest).max(0.0))).collect()
}

fn draw_bar(body: &mut String, y: f64, server: &Measured, value: f64, share: f64) {
    let baseline = y + BAR - 5.0;
    write_text(body, 10.0, baseline, "", &server.name);
    let class = class(&server.name);
    let length = (share * LONGEST).max(1.0);
    body.push_str(&format!(
        "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\n"
    ));
    let digits = if value < 1_000.0 { 1 } else { 0 };
    write_text(body, LEFT + length + 8.0, baseline, "", &number(value, digits));
}

fn class(server: &str) -> &'static str {
    match server {
        crate::server::FERROWIRE | crate::server::LOADED => "s2",
        crate::server::NODE_RED => "s3",
        crate::server::TUNED => "s1",
        _ => "s0",
    }
}

fn write_text(body: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let text = escape(text);
    body.push_str(&format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
