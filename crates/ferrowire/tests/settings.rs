//! Settings declared by crates: their syntax, their registry, and their values in nodes.

use std::path::PathBuf;
use std::time::Duration;

use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType, Secret, Setting,
    SettingRegistry, SettingValues, register, settings,
};
use ferrowire_testkit::Harness;

settings! {
    LIMIT: usize = Setting::integer("probe-limit").between("1", "10").default("3").help("A limit");
    SIZE: usize = Setting::bytes("probe-size").default("4 KiB").help("A size");
    PAUSE: Duration = Setting::seconds("probe-pause").default("2.5").help("A pause");
    MODE: String = Setting::choice("probe-mode", &["fast", "safe"]).default("safe").help("A mode");
    LOUD: bool = Setting::switch("probe-loud").help("A switch");
    STRICT: bool = Setting::boolean("probe-strict").default("true").help("A boolean");
    NAMES: Vec<String> = Setting::list("probe-names").help("Names");
    FOLDER: Option<PathBuf> = Setting::path("probe-folder").otherwise("none").help("A folder");
    FOLDERS: Vec<PathBuf> = Setting::paths("probe-folders").help("Folders");
    KEY: Option<Secret> = Setting::secret("probe-key").help("A key");
}

/// Sends the values of its settings.
struct Probe;

impl FromConfig for Probe {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Probe
    }
}

impl Node for Probe {
    fn on_message_now(&self, _: Message, cx: &NodeContext) -> Handled {
        let text = format!(
            "{} {} {:?} {} {} {} {:?} {:?} {:?} {:?}",
            cx.setting(&LIMIT),
            cx.setting(&SIZE),
            cx.setting(&PAUSE),
            cx.setting(&MODE),
            cx.setting(&LOUD),
            cx.setting(&STRICT),
            cx.setting(&NAMES),
            cx.setting(&FOLDER),
            cx.setting(&FOLDERS),
            cx.setting(&KEY).as_ref().map(Secret::expose),
        );
        Handled::Send(0, Message::with_payload(text))
    }
}

register!(NodeType::shared::<Probe>("probe"));

#[tokio::test(start_paused = true)]
async fn a_node_reads_the_defaults_or_what_was_set() {
    let mut node = Harness::of("probe").start().await;
    node.send(Message::new()).await;
    let expected = "3 4096 2.5s safe false true [] None [] None";
    assert_eq!(node.next_output(0).await.payload(), Some(&expected.into()));
    node.stop().await;
    let builder = Harness::of("probe")
        .setting(&LIMIT, "10")
        .setting(&SIZE, "2GiB")
        .setting(&PAUSE, "0.001")
        .setting(&MODE, "fast")
        .setting(&LOUD, "true")
        .setting(&STRICT, "false")
        .setting(&NAMES, "a b, c,,")
        .setting(&FOLDER, "/tmp/x")
        .setting(&KEY, "hush");
    let mut node = builder.start().await;
    node.send(Message::new()).await;
    let expected =
        "10 2147483648 1ms fast true false [\"a b\", \"c\"] Some(\"/tmp/x\") [] Some(\"hush\")";
    assert_eq!(node.next_output(0).await.payload(), Some(&expected.into()));
    node.stop().await;
}

#[test]
fn a_value_that_a_setting_does_not_take_is_refused_with_what_was_expected() {
    let whole = "expected a whole number from 1 to 10";
    let bytes = "expected a number of bytes such as `65536` or `4 MiB` at least 1";
    let seconds = "expected a number of seconds from 0.001 to 86400";
    for (record, text, expected) in [
        (LIMIT.record(), "0", whole),
        (LIMIT.record(), "11", whole),
        (LIMIT.record(), "-1", whole),
        (LIMIT.record(), "1.5", whole),
        (LIMIT.record(), "", whole),
        (LIMIT.record(), "18446744073709551616", whole),
        (SIZE.record(), "0", bytes),
        (SIZE.record(), "4 MB", bytes),
        (SIZE.record(), "17179869184 GiB", bytes),
        (PAUSE.record(), "0.0009", seconds),
        (PAUSE.record(), "86400.1", seconds),
        (PAUSE.record(), "1.", seconds),
        (PAUSE.record(), ".5", seconds),
        (PAUSE.record(), "1e3", seconds),
        (PAUSE.record(), "NaN", seconds),
        (MODE.record(), "slow", "expected one of `fast`, `safe`"),
        (LOUD.record(), "yes", "expected `true` or `false`"),
        (FOLDER.record(), "", "expected a path"),
        (KEY.record(), "", "expected a secret that is not empty"),
    ] {
        let error = record.parse(text).unwrap_err().to_string();
        assert_eq!(error, expected, "{} {text:?}", record.name);
    }
}

#[test]
fn lists_of_paths_are_split_as_in_the_variable_path() {
    let joined = std::env::join_paths(["/a b", "c"]).unwrap();
    let mut values = SettingValues::default();
    let value = FOLDERS.record().parse(joined.to_str().unwrap()).unwrap();
    values.set(FOLDERS.record(), value);
    assert_eq!(values.get(&FOLDERS), [PathBuf::from("/a b"), PathBuf::from("c")]);
}

#[test]
fn two_crates_cannot_declare_one_setting() {
    let mut registry = SettingRegistry::new();
    registry.add_linked().unwrap();
    let record = registry.get("probe-limit").unwrap();
    assert_eq!((record.plugin, record.version), ("ferrowire", env!("CARGO_PKG_VERSION")));
    let other = Setting::text("probe-limit").help("Another").declared_by("other", "1.0.0");
    assert_eq!(
        registry.add(*other.record()).unwrap_err().to_string(),
        "the setting `probe-limit` is declared by both `ferrowire` and `other`; leave one of \
         them out"
    );
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let mut values = SettingValues::default();
    values.set(KEY.record(), KEY.record().parse("hush").unwrap());
    let shown = format!("{values:?} {:?}", values.get(&KEY));
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
#[should_panic(expected = "the default is not a valid value of the setting")]
fn a_default_out_of_bounds_does_not_compile() {
    // `settings!` evaluates this at compile time.
    Setting::bytes("x")
        .between("1 MiB", "2 MiB")
        .default("2049 KiB")
        .help("x")
        .declared_by("c", "1");
}

#[test]
fn names_are_in_kebab_case() {
    for name in ["", "Max", "max_queue", "-max", "max-", "max--queue", "1st", "größe"] {
        let declared = std::panic::catch_unwind(|| {
            Setting::text("x").help("x").declared_by("c", "1");
            Setting::text(name).help("x").declared_by("c", "1")
        });
        assert!(declared.is_err(), "{name}");
    }
}
