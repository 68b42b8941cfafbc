//! The local time zone. The whole process has one: JavaScript's `Date` and `Intl`, `$moment`,
//! `String(date)` and cron patterns use it.
//!
//! The zone is chosen as Node.js (ICU) chooses it, so that a flow shows the same times here, but all
//! rules come from the bundled time zone database and never from the machine's. In this order:
//!
//! 1. `TZ` names a zone, such as `Europe/Berlin`, `:Europe/Berlin` or
//!    `/usr/share/zoneinfo/Europe/Berlin`.
//! 2. `TZ` is a name and whole hours, such as `UTC+3` or `JST-9`: a fixed offset. As in POSIX, hours
//!    west of Greenwich are positive.
//! 3. `TZ` is another rule of POSIX, such as `CET-1CEST,M3.5.0,M10.5.0/3`. It counts only if there is
//!    no `/etc/localtime`.
//! 4. `TZ` is anything else, or empty: UTC.
//! 5. There is no `TZ`: `/etc/localtime`, by the name it links to, or else by its content.
//! 6. Otherwise UTC.

use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, db};

/// A time zone of a process.
#[derive(Clone, Debug)]
pub struct LocalZone {
    rules: TimeZone,
    name: Option<String>,
    notice: Option<String>,
}

impl LocalZone {
    /// The offsets from UTC and when they change. UTC, under any name, is `TimeZone::UTC`.
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }

    /// The zone's name in the time zone database; `Etc/Unknown` if `TZ` is empty, and `None` for a
    /// zone without a name, such as that of `TZ=UTC+3`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Why the zone may not be the one that was meant, for the log.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    fn named(name: &str) -> Option<Self> {
        let rules = db().get(name).ok()?;
        // Names are case-sensitive, as they are for the C library and Node.js.
        let name = rules.iana_name().filter(|known| *known == name)?.to_owned();
        if matches!(rules.primary_iana_name(), Some("UTC" | "Etc/UTC")) {
            return Some(LocalZone::utc());
        }
        Some(LocalZone { rules, name: Some(name), notice: None })
    }

    fn unnamed(rules: TimeZone) -> Self {
        LocalZone { rules, name: None, notice: None }
    }

    fn with_notice(self, notice: String) -> Self {
        LocalZone { notice: Some(notice), ..self }
    }

    fn utc() -> Self {
        LocalZone { rules: TimeZone::UTC, name: Some("UTC".to_owned()), notice: None }
    }
}

/// The process's time zone. It is determined at the first call, and does not change.
pub fn local() -> &'static LocalZone {
    static LOCAL: LazyLock<LocalZone> = LazyLock::new(|| {
        let variable = std::env::var_os("TZ").map(|text| text.to_string_lossy().into_owned());
        choose(variable.as_deref(), Path::new("/etc/localtime"))
    });
    &LOCAL
}

fn choose(variable: Option<&str>, system: &Path) -> LocalZone {
    match variable.map(|text| text.strip_prefix(':').unwrap_or(text)) {
        Some(text) if Path::new(text) != system => of_variable(text, system),
        _ => of_system(system).unwrap_or_else(LocalZone::utc),
    }
}

fn of_variable(text: &str, system: &Path) -> LocalZone {
    if text.is_empty() {
        return LocalZone { name: Some("Etc/Unknown".to_owned()), ..LocalZone::utc() };
    }
    if let Some(zone) = LocalZone::named(name_in(text)) {
        return zone;
    }
    let unknown = || {
        LocalZone::unnamed(TimeZone::UTC).with_notice(format!(
            "`TZ` is `{text}`, which is no time zone; local times are UTC. Set `TZ` to a name of \
             the time zone database, such as `Europe/Berlin`"
        ))
    };
    if text.starts_with('/') {
        return of_file(Path::new(text)).unwrap_or_else(unknown);
    }
    let rule = TimeZone::posix(text).ok().map(LocalZone::unnamed);
    if is_name_and_hours(text) {
        return rule.unwrap_or_else(unknown);
    }
    match of_system(system) {
        Some(zone) => {
            let shown = zone.name().unwrap_or("that of the file");
            let notice = format!(
                "`TZ` is `{text}`, a rule, which is ignored as in Node-RED because `{}` has a \
                 zone; the time zone is {shown}. Set `TZ` to a name of the time zone database, such \
                 as `Europe/Berlin`",
                system.display()
            );
            zone.with_notice(notice)
        }
        None => rule.unwrap_or_else(unknown),
    }
}

/// Letters and signs, then at most two digits: the form that ICU reads as the name of a zone.
fn is_name_and_hours(text: &str) -> bool {
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
    text.len() - name.len() <= 2 && !name.contains(|c: char| c.is_ascii_digit() || c == ',')
}

/// The part of a path that names a zone, or all of the text.
fn name_in(text: &str) -> &str {
    let name = text.rsplit_once("/zoneinfo/").map_or(text, |(_, name)| name);
    ["posix/", "right/"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// Follows the link, whose target must exist.
fn of_system(system: &Path) -> Option<LocalZone> {
    let target = system.canonicalize().ok()?;
    let named = target.to_str().filter(|path| path.contains("/zoneinfo/"));
    named.and_then(|path| LocalZone::named(name_in(path))).or_else(|| of_file(&target))
}

/// The first zone of the database with the offsets of the file.
fn of_file(path: &Path) -> Option<LocalZone> {
    let file = TimeZone::tzif("local", &std::fs::read(path).ok()?).ok()?;
    let same = db().available().find_map(|name| {
        LocalZone::named(name.as_str()).filter(|zone| have_same_offsets(&zone.rules, &file))
    });
    Some(same.unwrap_or_else(|| LocalZone::unnamed(file)))
}

/// Whether two zones have been the same since 1970, before which the releases of the database differ.
fn have_same_offsets(one: &TimeZone, other: &TimeZone) -> bool {
    // Some further years of the rules that hold now.
    const YEARS_AHEAD: i64 = 10;
    let end = Timestamp::now().as_second() + YEARS_AHEAD * 366 * 86_400;
    let changes = |zone: &TimeZone| -> Vec<_> {
        let mut last = Timestamp::UNIX_EPOCH;
        // jiff repeats the last change of a file without a rule for the future for ever.
        let mut is_later = |at| std::mem::replace(&mut last, at) < at && at.as_second() < end;
        let following = zone.following(Timestamp::UNIX_EPOCH);
        let changes = following.map(|change| (change.timestamp(), change.offset()));
        changes.take_while(|(at, _)| is_later(*at)).collect()
    };
    one.to_offset(Timestamp::UNIX_EPOCH) == other.to_offset(Timestamp::UNIX_EPOCH)
        && changes(one) == changes(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1 of RFC 8536: the offset at first, and its changes, all in seconds.
    fn tzif(first: i32, changes: &[(i32, i32)]) -> Vec<u8> {
        let mut file = b"TZif\0".to_vec();
        file.resize(20, 0);
        let (times, types) = (changes.len() as u8, changes.len() as u8 + 1);
        for count in [0, 0, 0, times, types, 4] {
            file.extend([0, 0, 0, count]);
        }
        file.extend(changes.iter().flat_map(|(at, _)| at.to_be_bytes()));
        file.extend(1..types);
        for offset in [first].into_iter().chain(changes.iter().map(|(_, offset)| *offset)) {
            file.extend(offset.to_be_bytes());
            file.extend([0, 0]);
        }
        file.extend(b"ABC\0");
        file
    }

    fn write(path: &Path, content: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The name and the offsets in hours in January and July 2026.
    fn shown(zone: &LocalZone) -> (Option<&str>, [f32; 2]) {
        let hours = [1_767_268_800, 1_782_907_200].map(|second| {
            let at = Timestamp::from_second(second).unwrap();
            zone.rules().to_offset(at).seconds() as f32 / 3600.0
        });
        (zone.name(), hours)
    }

    const MISSING: &str = "/there/is/no/localtime";

    #[test]
    fn the_variable_is_understood_as_node_js_understands_it() {
        let cases: [(&str, Option<&str>, [f32; 2]); 15] = [
            ("Europe/Berlin", Some("Europe/Berlin"), [1.0, 2.0]),
            (":Europe/Berlin", Some("Europe/Berlin"), [1.0, 2.0]),
            ("/usr/share/zoneinfo/Europe/Berlin", Some("Europe/Berlin"), [1.0, 2.0]),
            ("right/Asia/Calcutta", Some("Asia/Calcutta"), [5.5, 5.5]),
            ("EST5EDT", Some("EST5EDT"), [-5.0, -4.0]),
            ("Etc/GMT+3", Some("Etc/GMT+3"), [-3.0, -3.0]),
            ("UTC+3", None, [-3.0, -3.0]),
            ("JST-9", None, [9.0, 9.0]),
            ("UTC0", None, [0.0, 0.0]),
            ("", Some("Etc/Unknown"), [0.0, 0.0]),
            ("UTC", Some("UTC"), [0.0, 0.0]),
            ("Etc/Zulu", Some("UTC"), [0.0, 0.0]),
            ("europe/berlin", None, [0.0, 0.0]),
            ("CET-1CEST,M3.5.0,M10.5.0/3", None, [1.0, 2.0]),
            ("<+0530>-5:30", None, [5.5, 5.5]),
        ];
        for (text, name, hours) in cases {
            let zone = choose(Some(text), Path::new(MISSING));
            assert_eq!(shown(&zone), (name, hours), "{text}");
            assert_eq!(zone.notice().is_some(), text == "europe/berlin", "{text}");
        }
    }

    #[test]
    fn a_rule_with_clock_changes_counts_only_without_a_zone_of_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let tokyo = folder.path().join("zoneinfo/Asia/Tokyo");
        write(&tokyo, b"its content does not count");
        for text in ["CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3", "UTC-5:30"] {
            let zone = choose(Some(text), &tokyo);
            assert_eq!(shown(&zone), (Some("Asia/Tokyo"), [9.0, 9.0]), "{text}");
            assert!(zone.notice().is_some_and(|notice| notice.contains(text)));
        }
        assert_eq!(shown(&choose(Some("XYZ3"), &tokyo)), (None, [-3.0, -3.0]));
        assert_eq!(shown(&choose(None, &tokyo)), (Some("Asia/Tokyo"), [9.0, 9.0]));
        let path = format!(":{}", tokyo.display());
        assert_eq!(shown(&choose(Some(&path), &tokyo)).0, Some("Asia/Tokyo"));
    }

    #[test]
    fn a_copied_file_is_the_zone_of_the_database_with_the_same_offsets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("localtime");
        write(&path, &tzif(19_800, &[(504_901_800, 20_700)]));
        assert_eq!(shown(&choose(None, &path)), (Some("Asia/Kathmandu"), [5.75, 5.75]));
        write(&path, &tzif(4567, &[]));
        let zone = choose(None, &path);
        assert_eq!(zone.name(), None);
        assert_eq!(zone.rules().to_offset(Timestamp::now()).seconds(), 4567);
    }

    #[test]
    fn without_any_zone_it_is_utc() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("localtime");
        write(&path, b"no zone");
        for system in [Path::new(MISSING), &path] {
            assert_eq!(shown(&choose(None, system)), (Some("UTC"), [0.0, 0.0]));
        }
    }
}
