//! Bars that lie, one below the other, each with its spread.

use super::{COLOURS, GRID, INK, escaped, picture, short};
use crate::bench::numbers::Spread;
use std::fmt::Write;

const WIDTH: f64 = 860.0;
/// Where bars begin: names stand before.
const LEFT: f64 = 330.0;
/// What is left for the numbers behind the bars.
const RIGHT: f64 = 90.0;
const TOP: f64 = 42.0;
const ROW: f64 = 30.0;
const THICK: f64 = 18.0;
const BOTTOM: f64 = 34.0;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What stands before it.
    pub name: String,
    /// Its length, and least and most of the repeats.
    pub spread: Spread,
    /// Whether it is one of ours.
    pub is_ours: bool,
    /// Whether an acknowledgement comes before the disk has it: drawn hollow.
    pub is_hollow: bool,
}

/// All of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// Above them.
    pub title: String,
    /// Below them.
    pub note: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

impl Bars {
    /// As SVG.
    pub fn svg(&self) -> String {
        let most = self.bars.iter().map(|bar| bar.spread.most).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LEFT - RIGHT) / most;
        let bottom = TOP + ROW * self.bars.len() as f64;
        let mut body = format!("<line x1=\"{LEFT}\" y1=\"{TOP}\" x2=\"{LEFT}\" y2=\"{bottom}\" stroke=\"{GRID}\"/>\n");
        for (index, bar) in self.bars.iter().enumerate() {
            body += &one(bar, TOP + ROW * index as f64, scale);
        }
        let _ =
            writeln!(body, "<text x=\"12\" y=\"{:.1}\" font-size=\"11\">{}</text>", bottom + 20.0, escaped(&self.note));
        picture(WIDTH, bottom + BOTTOM, &self.title, &body)
    }
}

fn one(bar: &Bar, top: f64, scale: f64) -> String {
    let colour = if bar.is_ours { COLOURS[0] } else { COLOURS[4] };
    let (middle, length) = (top + ROW / 2.0, (bar.spread.median * scale).max(1.0));
    let fill = if bar.is_hollow {
        format!("fill=\"{colour}\" fill-opacity=\"0.15\" stroke=\"{colour}\" stroke-dasharray=\"4 3\"")
    } else {
        format!("fill=\"{colour}\"")
    };
    let weight = if bar.is_ours { " font-weight=\"600\"" } else { "" };
    let (least, most) = (LEFT + bar.spread.least * scale, LEFT + bar.spread.most * scale);
    format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\"{weight}>{}</text>\n\
         <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{THICK}\" rx=\"2\" {fill}/>\n\
         <path d=\"M{least:.1} {middle:.1}H{most:.1}M{least:.1} {:.1}v8M{most:.1} {:.1}v8\" stroke=\"{INK}\" fill=\"none\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\"{weight}>{}</text>\n",
        LEFT - 8.0,
        middle + 4.5,
        escaped(&bar.name),
        middle - THICK / 2.0,
        middle - 4.0,
        middle - 4.0,
        most.max(LEFT + length) + 8.0,
        middle + 4.5,
        short(bar.spread.median)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, median: f64, is_hollow: bool) -> Bar {
        let spread = Spread { median, least: median * 0.9, most: median * 1.1 };
        Bar { name: name.to_owned(), spread, is_ours: !is_hollow, is_hollow }
    }

    #[test]
    fn the_longest_bar_fills_the_room_and_others_are_in_proportion() {
        let bars = vec![bar("ours", 1000.0, false), bar("a < b", 500.0, true)];
        let svg = Bars { title: "t".to_owned(), note: "n".to_owned(), bars }.svg();
        assert!(svg.contains("width=\"400.0\"") && svg.contains("width=\"200.0\""), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("stroke-dasharray"), "{svg}");
        assert!(svg.contains(">1.0k<") && svg.contains(">500<"), "{svg}");
    }

    #[test]
    fn no_bars_are_a_picture_all_the_same() {
        let svg = Bars { title: "t".to_owned(), note: String::new(), bars: Vec::new() }.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
