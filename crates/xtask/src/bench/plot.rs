//! Small plots as SVG: readable on white and on dark pages, and without anything from outside.

mod bars;
mod lines;

pub use bars::{Bar, Bars};
pub use lines::{Line, Lines};

/// Ink of text and axes: as far from white as from black.
const INK: &str = "#768390";
/// The finer lines.
const GRID: &str = "#768390\" stroke-opacity=\"0.3";
/// Ours first; all of them can be told apart on both grounds, also by those who see red and green alike.
const COLOURS: [&str; 8] = ["#2f81f7", "#d4813c", "#3d9a6b", "#b56bc4", "#8b949e", "#c9a227", "#4bb0c4", "#d16877"];

/// The picture around `body`.
fn picture(width: f64, height: f64, title: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\" fill=\"{INK}\">\n\
         <title>{title}</title>\n<text x=\"12\" y=\"24\" font-size=\"15\" font-weight=\"600\">{title}</text>\n{body}</svg>\n",
        title = escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A number, as short as it can be read.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 1e6 => format!("{:.2}M", number / 1e6),
        size if size >= 1e5 => format!("{:.0}k", number / 1e3),
        size if size >= 1e3 => format!("{:.1}k", number / 1e3),
        size if size >= 10.0 => format!("{number:.0}"),
        size if size >= 1.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let seen = [0.25, 4.25, 42.0, 1234.0, 123_456.0, 2_500_000.0].map(short);
        assert_eq!(seen, ["0.25", "4.2", "42", "1.2k", "123k", "2.50M"]);
    }

    #[test]
    fn signs_of_the_language_are_text() {
        assert!(picture(1.0, 1.0, "a < b & c", "").contains("<title>a &lt; b &amp; c</title>"));
    }
}
