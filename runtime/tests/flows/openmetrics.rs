//! A strict parser of OpenMetrics 1.0 text: what it does not take is no OpenMetrics.

use std::collections::{BTreeMap, BTreeSet};

/// One family and its samples.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: String,
    /// By name and labels, as they are written.
    pub(crate) samples: BTreeMap<String, f64>,
}

/// The families of an exposition, by name.
#[derive(Debug)]
pub(crate) struct Exposition(pub(crate) BTreeMap<String, Family>);

impl Exposition {
    /// Parses a text; fails the test if it is invalid.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("`# EOF` is missing"));
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        for line in lines.lines() {
            match line.strip_prefix("# ") {
                Some(metadata) => {
                    let (keyword, rest) = metadata.split_once(' ').unwrap();
                    let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                    if name != current {
                        assert!(is_name(name), "{line}");
                        let family = families.insert(name.to_owned(), Family::default());
                        assert!(family.is_none(), "the family `{name}` is interrupted");
                        name.clone_into(&mut current);
                    }
                    describe(families.get_mut(name).unwrap(), keyword, value, line);
                }
                None => sample(&current, families.get_mut(&current).unwrap(), line),
            }
        }
        families.iter().for_each(|(name, family)| check(name, family));
        let mut all = BTreeSet::new();
        for (name, family) in &families {
            for suffix in suffixes(&family.kind).iter().collect::<BTreeSet<_>>() {
                assert!(all.insert(format!("{name}{suffix}")), "`{name}{suffix}` is ambiguous");
            }
        }
        Exposition(families)
    }

    /// The value of a sample, such as `ferrowire_nodes{type="inject"}`.
    pub(crate) fn value(&self, sample: &str) -> f64 {
        let found = self.0.values().find_map(|family| family.samples.get(sample));
        *found.unwrap_or_else(|| panic!("there is no `{sample}` in {:#?}", self.0))
    }
}

fn describe(family: &mut Family, keyword: &str, value: &str, line: &str) {
    assert!(family.samples.is_empty(), "metadata after samples: {line}");
    let place = match keyword {
        "HELP" => &mut family.help,
        "TYPE" => &mut family.kind,
        "UNIT" => &mut family.unit,
        _ => panic!("{line}"),
    };
    assert!(place.is_empty() && !value.is_empty(), "{line}");
    value.clone_into(place);
}

fn sample(current: &str, family: &mut Family, line: &str) {
    let (key, value) = line.rsplit_once(' ').unwrap();
    let name = key.split('{').next().unwrap();
    let suffix = name.strip_prefix(current).unwrap_or_else(|| panic!("`{name}` in `{current}`"));
    assert!(suffixes(&family.kind)[1..].contains(&suffix), "{line}");
    if let Some(labels) = key.strip_prefix(name).filter(|labels| !labels.is_empty()) {
        check_labels(labels, line);
    }
    let number = value.parse::<f64>().unwrap();
    assert!(family.samples.insert(key.to_owned(), number).is_none(), "twice: {line}");
}

/// The suffixes that the names of a family have; the first is that of the family itself.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["", "_total"],
        "gauge" => &["", ""],
        "histogram" => &["", "_bucket", "_count", "_sum"],
        "info" => &["", "_info"],
        _ => panic!("the type `{kind}`"),
    }
}

fn check_labels(labels: &str, line: &str) {
    let inside = labels.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap();
    let mut rest = inside;
    let mut names = BTreeSet::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        assert!(is_name(name) && !name.contains(':') && names.insert(name), "{line}");
        let mut escaped = false;
        let end = after.find(|character| {
            let is_end = character == '"' && !escaped;
            assert!(!escaped || matches!(character, 'n' | '"' | '\\'), "{line}");
            escaped = character == '\\' && !escaped;
            is_end
        });
        let (_, after) = after.split_at(end.unwrap());
        match after.strip_prefix("\",") {
            Some(more) => rest = more,
            None => return assert_eq!(after, "\"", "{line}"),
        }
    }
}

fn check(name: &str, family: &Family) {
    assert!(!family.kind.is_empty() && !family.help.is_empty(), "`{name}` is not described");
    assert!(family.unit.is_empty() || name.ends_with(&format!("_{}", family.unit)), "{name}");
    assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}");
    for (sample, value) in &family.samples {
        assert!(family.kind != "info" || *value == 1.0, "{sample}");
        assert!(family.kind == "gauge" || *value >= 0.0, "{sample}");
    }
    if family.kind == "histogram" {
        check_buckets(name, family);
    }
}

/// The buckets of each set of other labels ascend to the count.
fn check_buckets(name: &str, family: &Family) {
    let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (sample, count) in &family.samples {
        let Some(labels) = sample.strip_prefix(&format!("{name}_bucket{{")) else { continue };
        let (others, le) = labels.split_once("le=\"").unwrap();
        let bound = le.trim_end_matches("\"}").parse().unwrap();
        series.entry(others.trim_end_matches(',').to_owned()).or_default().push((bound, *count));
    }
    for (labels, mut buckets) in series {
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{buckets:?}");
        let (last, all) = *buckets.last().unwrap();
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        assert_eq!((last, all), (f64::INFINITY, family.samples[&format!("{name}_count{labels}")]));
    }
}

fn is_name(name: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    name.bytes().all(is_inside) && !name.starts_with(|first: char| first.is_ascii_digit())
}
