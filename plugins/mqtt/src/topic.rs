//! Topics and the filters of subscriptions.

/// Whether messages may be published under a topic.
pub(crate) fn is_publishable(topic: &str) -> bool {
    const FORBIDDEN: &[char] = &['+', '#', '\u{8}', '\u{c}', '\n', '\r', '\t', '\u{b}', '\0'];
    !topic.is_empty() && !topic.contains(FORBIDDEN)
}

/// Whether a text can be subscribed to: `+` and `#` stand alone in a level, and `#` in the last one.
/// Node-RED allows an empty one.
pub(crate) fn is_filter(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let is_valid = match level {
            "+" => true,
            "#" => levels.peek().is_none(),
            level => !level.contains(['+', '#']),
        };
        if !is_valid {
            return false;
        }
    }
    true
}

/// The filter of a shared subscription, `$share/NAME/FILTER`, without its name.
fn unshared(filter: &str) -> &str {
    let shared = filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
    shared.map_or(filter, |(_, filter)| filter)
}

/// Whether a subscription covers a topic (MQTT 5.0 §4.7).
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    let filter = unshared(filter);
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut topics = topic.split('/');
    for level in filter.split('/') {
        if level == "#" {
            return true;
        }
        match topics.next() {
            Some(found) if level == "+" || level == found => {}
            _ => return false,
        }
    }
    topics.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_levels() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/b/c", "a/b", false),
            ("+/b", "a/b", true),
            ("a/+", "a/", true),
            ("a/+", "a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a/b", true),
            ("#", "$SYS/uptime", false),
            ("+/uptime", "$SYS/uptime", false),
            ("$SYS/#", "$SYS/uptime", true),
            ("$share/group/a/+", "a/b", true),
            ("$share/group/a/+", "b/b", false),
            ("a.c", "abc", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn wildcards_stand_alone_in_a_level() {
        for filter in ["", "a", "#", "+", "a/+/b", "a/#", "/", "$share/g/a/#"] {
            assert!(is_filter(filter), "{filter}");
        }
        for filter in ["a#", "a/#/b", "a+", "+a/b", "##"] {
            assert!(!is_filter(filter), "{filter}");
        }
    }

    #[test]
    fn topics_have_no_wildcards_and_no_line_breaks() {
        assert!(is_publishable("a/b c/ü"));
        for topic in ["", "a/+", "#", "a\nb", "a\tb", "a\0"] {
            assert!(!is_publishable(topic), "{topic:?}");
        }
    }
}
