//! Samples of a run: tables of rows, in the order in which they were first measured.

use super::super::Setting;
use super::super::cell::Sample;
use super::super::numbers::Spread;
use anyhow::Context;
use serde_json::json;
use std::fs::File;
use std::io::Write;

/// Tables, and what went wrong.
#[derive(Debug, Default)]
pub struct Results {
    /// One for each load.
    pub tables: Vec<Table>,
    /// Who does not stand in them, or not whole, and why.
    pub failures: Vec<String>,
    /// Each contestant and how it was started.
    pub command_lines: Vec<(String, String)>,
}

/// One load.
#[derive(Debug)]
pub struct Table {
    /// What it is.
    pub title: &'static str,
    /// Who bore it.
    pub rows: Vec<Row>,
}

/// One contestant under one load.
#[derive(Debug)]
pub struct Row {
    /// Whose it is.
    pub contestant: String,
    /// How its clients did it.
    pub way: String,
    /// What an acknowledgement promises.
    pub durability: &'static str,
    /// Its repeats.
    pub samples: Vec<Sample>,
}

/// What a sample is of.
#[derive(Debug, Clone)]
pub struct Label {
    /// The table.
    pub title: &'static str,
    /// The contestant.
    pub contestant: String,
    /// How its clients did it.
    pub way: String,
    /// What an acknowledgement promises.
    pub durability: &'static str,
}

impl Results {
    /// One more sample.
    pub fn add(&mut self, label: &Label, sample: Sample) {
        eprintln!(
            "   {}: {}, {}: {:.0}/s, p50 {:.1} ms",
            label.title, label.contestant, label.way, sample.records_per_second, sample.latency_p50_ms
        );
        let at = self.tables.iter().position(|table| table.title == label.title).unwrap_or_else(|| {
            self.tables.push(Table { title: label.title, rows: Vec::new() });
            self.tables.len() - 1
        });
        let rows = &mut self.tables[at].rows;
        let same = |row: &&mut Row| row.contestant == label.contestant && row.way == label.way;
        if let Some(row) = rows.iter_mut().find(same) {
            row.samples.push(sample);
            return;
        }
        rows.push(Row {
            contestant: label.contestant.clone(),
            way: label.way.clone(),
            durability: label.durability,
            samples: vec![sample],
        });
    }

    /// Somebody is missing.
    pub fn fail(&mut self, who: &str, error: &anyhow::Error) {
        let line = format!("{who}: {error:#}");
        eprintln!("   {line}");
        // The reason, and not all that a program says.
        let line = line.lines().next().unwrap_or_default().replace('|', "/");
        if !self.failures.contains(&line) {
            self.failures.push(line);
        }
    }

    /// How a contestant was started, once.
    pub fn started(&mut self, contestant: &str, command_line: &str) {
        if !self.command_lines.iter().any(|(known, _)| known == contestant) {
            self.command_lines.push((contestant.to_owned(), command_line.to_owned()));
        }
    }

    /// The table of this title.
    pub fn table(&self, title: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.title == title)
    }

    /// The best median rate in a table, of rows that `is_one` takes.
    pub fn best(&self, title: &str, is_one: impl Fn(&Row) -> bool) -> Option<f64> {
        let rows = self.table(title)?.rows.iter().filter(|row| is_one(row));
        rows.filter_map(|row| Some(row.spread(|sample| sample.records_per_second)?.median)).max_by(f64::total_cmp)
    }
}

impl Row {
    /// Median and spread of a number.
    pub fn spread(&self, number: fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().map(number))
    }

    /// The same of a number that is not always known.
    pub fn known(&self, number: fn(&Sample) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(number))
    }

    /// Whether it is one of ours.
    pub fn is_ours(&self) -> bool {
        self.contestant.starts_with("anabranch")
    }
}

/// Keeps all that the clients printed, a line for each sample.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(setting: &Setting, name: &str, all: &[&Results]) -> anyhow::Result<()> {
    let path = setting.folder.join(format!("{name}.jsonl"));
    let mut file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    for table in all.iter().flat_map(|results| &results.tables) {
        for row in &table.rows {
            for (repeat, sample) in row.samples.iter().enumerate() {
                let (title, contestant, way, client) = (table.title, &row.contestant, &row.way, &sample.raw);
                let line = json!({
                    "load": title, "contestant": contestant, "way": way, "repeat": repeat, "client": client,
                });
                writeln!(file, "{line}")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
pub fn label(title: &'static str, contestant: &str, way: &str) -> Label {
    Label { title, contestant: contestant.to_owned(), way: way.to_owned(), durability: "promise" }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples::sample;
    use super::*;

    #[test]
    fn repeats_of_a_row_come_together_and_the_best_way_counts() {
        let mut results = Results::default();
        for rate in [1.0, 3.0, 2.0] {
            results.add(&label("t", "a", "x"), sample(rate));
        }
        results.add(&label("t", "a", "y"), sample(5.0));
        results.add(&label("t", "b", "x"), sample(9.0));
        assert_eq!(results.table("t").map(|table| table.rows.len()), Some(3));
        assert_eq!(results.best("t", |row| row.contestant == "a"), Some(5.0));
        assert_eq!(results.best("t", |row| row.way == "x"), Some(9.0));
        assert_eq!(results.best("t", |row| row.contestant == "c"), None);
        assert_eq!(results.best("other", |_| true), None);
    }

    #[test]
    fn a_failure_is_told_once_and_in_one_line() {
        let mut results = Results::default();
        for _ in 0..2 {
            results.fail("b", &anyhow::anyhow!("no | such thing\nand much more"));
        }
        assert_eq!(results.failures, ["b: no / such thing"]);
    }
}
