//! The report for people: aligned, coloured where that is wanted.
//!
//! Pure: no I/O, no clock.

use super::facts::{Facts, Finding, HandOverRow, RunningRow, Wait};

/// The report as text.
pub(crate) fn to_text(facts: &Facts, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    page.heading("start");
    page.rows(&start(facts));
    page.findings("errors", RED, &facts.errors);
    page.findings("warnings", YELLOW, &facts.warnings);
    if !facts.notes.is_empty() {
        page.heading("notes");
        facts.notes.iter().for_each(|note| page.line(&format!("  {note}")));
    }
    if let Some(running) = &facts.running {
        page.heading("running");
        page.rows(&of_running(running));
    }
    page.heading("identity");
    let known = |known: &super::facts::IdentityRow| {
        let source = known.source.as_ref().map_or_else(|| "not known".to_owned(), |source| format!("from {source}"));
        [known.variable.to_owned(), known.value.clone().unwrap_or_else(|| "-".into()), source]
    };
    page.rows(&facts.identity.iter().map(known).collect::<Vec<_>>());
    page.heading("dns");
    page.rows(&of_wait(&facts.wait));
    templates(&mut page, facts);
    if let Some(hand_over) = &facts.hand_over {
        of_hand_over(&mut page, hand_over, facts.run_dir.as_deref());
    }
    page.heading("signals");
    let to = if facts.signals.target == "main" { "the release's first process" } else { "the release's process group" };
    let mut rows = vec![row("decided by", facts.signals.decided_by), row("to", to)];
    rows.extend(facts.signals.rewritten.iter().map(|rule| {
        let becomes = rule.becomes.as_ref().map_or_else(|| "dropped".to_owned(), |to| format!("becomes {to}"));
        row(&rule.signal, becomes)
    }));
    page.rows(&rows);
    page.text
}

type Row = [String; 3];

fn row(name: &str, value: impl Into<String>) -> Row {
    [name.to_owned(), value.into(), String::new()]
}

fn start(facts: &Facts) -> Vec<Row> {
    let command = facts.command.clone().unwrap_or_else(|| "-".into());
    let outcome = match (facts.exit_code, &facts.wait.nothing_because) {
        (0, None) => "gets past all stages before the wait".to_owned(),
        (0, Some(_)) => "gets past all stages".to_owned(),
        (code, _) => format!("ends with code {code}"),
    };
    let mut rows = vec![row("outcome", outcome), row("command", format!("{command}  (from {})", facts.command_from))];
    if let Some(release) = &facts.release {
        rows.push(row("kind", format!("{}: {}", release.kind, release.why)));
        let version = release.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
        let root = release.root.as_deref().map(|root| format!(" in {root}")).unwrap_or_default();
        let erts = release.erts.map(|erts| format!(", ERTS {erts}")).unwrap_or_default();
        rows.push(row("release", format!("{}{version}{root}{erts}", release.name)));
        let is_wrapped = release.steps.len() > 1 || release.steps.iter().any(|step| step.place != "COMMAND");
        for step in release.steps.iter().filter(|_| is_wrapped) {
            rows.push(row("runs", format!("{}: {} ({})", step.place, step.target, step.reason)));
        }
    }
    rows
}

fn of_running(running: &RunningRow) -> Vec<Row> {
    let pid = running.pid.map(|pid| format!(" as process {pid}")).unwrap_or_default();
    let mut rows = vec![
        row("state", format!("{}{pid}, under the beaminit that is process {}", running.state, running.supervisor)),
        row("since", format!("{} ({} s ago)", running.since, running.seconds)),
    ];
    rows.extend(running.node.iter().map(|node| row("node", node.as_str())));
    let resolves =
        running.name_resolves.map(|resolves| if resolves { "to this pod" } else { "not to this pod: see dns" });
    rows.extend(resolves.map(|resolves| row("resolves", resolves)));
    rows.push(row("epmd", running.epmd.says.as_str()));
    rows
}

fn of_wait(wait: &Wait) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(wait.nothing_because.iter().map(|reason| row("no wait", reason.as_str())));
    if let Some(name) = &wait.name {
        rows.push(row("name", name.as_str()));
        rows.push(row("must have", if wait.addresses.is_empty() { "-".into() } else { wait.addresses.join(" or ") }));
        rows.push(row("servers", if wait.servers.is_empty() { "-".into() } else { wait.servers.join(", ") }));
        rows.extend(wait.says.iter().map(|says| row("now", says.as_str())));
        rows.extend(wait.hint.iter().map(|hint| row("hint", hint.as_str())));
    }
    if rows.is_empty() {
        rows.push(row("name", "-"));
    }
    rows
}

fn templates(page: &mut Page, facts: &Facts) {
    if facts.templates.is_empty() && facts.passed_over.is_empty() {
        return;
    }
    page.heading("templates");
    for template in &facts.templates {
        page.line(&format!("  {}  {}, by {}", template.file, template.path, template.named_by));
        let place = |found: &super::facts::PlaceholderRow| {
            [format!("  {}:{}", found.line, found.column), found.name.clone(), format!("from {}", found.source)]
        };
        page.rows(&template.placeholders.iter().map(place).collect::<Vec<_>>());
        // Of sys.config little would be left to see.
        if let Some(text) = template.rendered.as_ref().filter(|_| template.file == "vm.args") {
            page.quote("rendered", text);
        }
    }
    let passed = facts.passed_over.iter().map(|passed| row("passed over", format!("{}: {}", passed.what, passed.why)));
    page.rows(&passed.collect::<Vec<_>>());
}

fn of_hand_over(page: &mut Page, hand_over: &HandOverRow, run_dir: Option<&str>) {
    page.heading("hand-over");
    let mut rows = vec![row("run directory", run_dir.unwrap_or("none can be written"))];
    if !hand_over.files.is_empty() {
        rows.push(row("read by", hand_over.readable_by.as_str()));
    }
    rows.extend(hand_over.node.iter().map(|node| row("node", node.as_str())));
    rows.extend(hand_over.variables.iter().map(|variable| row(variable.name, variable.value.as_str())));
    rows.extend(hand_over.removed.iter().map(|name| row(name, "is taken away")));
    rows.extend(hand_over.folders.iter().map(|name| row("directory", *name)));
    rows.extend(hand_over.home_cookie.iter().map(|path| row("cookie file", path.as_str())));
    page.rows(&rows);
    for file in hand_over.files.iter().filter(|file| file.name != "sys.config") {
        page.quote(&file.name, &file.contents);
    }
}

/// Colours by their codes (ECMA-48, SGR).
const BOLD: u8 = 1;
const DIM: u8 = 2;
const RED: u8 = 31;
const YELLOW: u8 = 33;

struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let heading = self.paint(BOLD, heading);
        self.line(&heading);
    }

    /// Rows of a name, a value and a remark, one under the other.
    fn rows(&mut self, rows: &[Row]) {
        let width = |column: usize| {
            let with_more = rows.iter().filter(|row| row.get(column + 1).is_some_and(|next| !next.is_empty()));
            with_more.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        for [name, value, remark] in rows {
            let remark = if remark.is_empty() { String::new() } else { self.paint(DIM, remark) };
            self.line(&format!("  {name:first$}  {value:second$}  {remark}"));
        }
    }

    fn quote(&mut self, title: &str, text: &str) {
        self.line(&format!("  {title}"));
        for line in text.lines() {
            self.line(&format!("    | {line}"));
        }
    }

    fn findings(&mut self, heading: &str, colour: u8, findings: &[Finding]) {
        if findings.is_empty() {
            return;
        }
        self.heading(heading);
        for finding in findings {
            let message = self.paint(colour, &format!("{}: {}", finding.stage, finding.message));
            self.line(&format!("  {message}"));
            for line in finding.excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
                self.line(&format!("  {line}"));
            }
            finding.hint.iter().for_each(|hint| self.line(&format!("  hint: {hint}")));
        }
    }

    fn paint(&self, colour: u8, text: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests;
