//! `register!`, `settings!`, `metrics!` and `on_load!`: how a crate makes its nodes known.

/// Registers node types of the calling crate.
///
/// ```
/// use ferrowire::{FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType};
///
/// struct Upper;
///
/// impl FromConfig for Upper {
///     fn from_config(_: &mut NodeConfig<'_>) -> Self {
///         Upper
///     }
/// }
///
/// impl Node for Upper {
///     fn on_message_now(&self, mut msg: Message, _: &NodeContext) -> Handled {
///         if let Some(text) = msg.payload().and_then(|payload| payload.as_str()) {
///             let upper = text.to_uppercase();
///             msg.set("payload", upper);
///         }
///         Handled::Send(0, msg)
///     }
/// }
///
/// ferrowire::register!(NodeType::shared::<Upper>("upper").summary("to upper case"));
/// ```
#[macro_export]
macro_rules! register {
    ($($node_type:expr),+ $(,)?) => {
        $(const _: () = {
            const NODE_TYPE: $crate::NodeType =
                $crate::NodeType::provided_by(
                    $node_type,
                    env!("CARGO_PKG_NAME"),
                    env!("CARGO_PKG_VERSION"),
                );
            $crate::__declare!(
                $crate::__abi::declaration::node_record_len(&NODE_TYPE),
                $crate::__abi::declaration::node_record(&NODE_TYPE)
            );
            $crate::__core::__inventory::submit! {
                $crate::__core::__Registered { node_type: NODE_TYPE, records: [&RECORD, &ENTRY] }
            }
        };)+
    };
}

/// Declares settings of the calling crate: each becomes a constant, and a flag, an environment
/// variable and a key of the settings file of each runtime that links the crate.
///
/// All values are checked when the runtime starts, before any node is built, and flows cannot
/// override them. A node reads its settings from `start` on; `FromConfig` has none.
///
/// ```
/// use std::time::Duration;
///
/// use ferrowire::{NodeContext, Setting, settings};
///
/// settings! {
///     /// How long a measurement may take.
///     pub(crate) TIMEOUT: Duration = Setting::seconds("thermometer-timeout")
///         .default("2.5")
///         .help("Seconds for a measurement");
///     /// Where the device is, if not at the usual place.
///     pub(crate) DEVICE: Option<String> = Setting::text("thermometer-device")
///         .otherwise("the first one found")
///         .help("Address of the thermometer");
/// }
///
/// fn timeout(cx: &NodeContext) -> Duration {
///     cx.setting(&TIMEOUT)
/// }
/// ```
///
/// An invalid default does not compile:
///
/// ```compile_fail
/// # use ferrowire::{Setting, settings};
/// settings! {
///     LIMIT: usize = Setting::integer("limit").between("1", "10").default("11").help("A limit");
/// }
/// ```
#[macro_export]
macro_rules! settings {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident: $type:ty = $setting:expr;)+) => {
        $(
            $(#[$attribute])*
            $visibility const $name: $crate::Setting<$type> = $crate::Setting::declared_by(
                $setting,
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            );
            const _: () = {
                $crate::__declare!(
                    $crate::__abi::declaration::setting_record_len($name.record()),
                    $crate::__abi::declaration::setting_record($name.record())
                );
                $crate::__core::__inventory::submit! {
                    $crate::__core::__DeclaredSetting {
                        setting: *$name.record(),
                        records: [&RECORD, &ENTRY],
                    }
                }
            };
        )+
    };
}

/// Makes the statics `RECORD`, in the section of declarations, and `ENTRY`, in its index.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare {
    ($len:expr, $record:expr) => {
        #[cfg_attr(
            any(target_os = "linux", target_os = "android", target_os = "freebsd"),
            unsafe(link_section = ".ferrowire")
        )]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire"))]
        #[cfg_attr(windows, unsafe(link_section = ".fwire"))]
        #[used]
        static RECORD: [u8; $len] = $record;
        #[cfg_attr(
            any(target_os = "linux", target_os = "android", target_os = "freebsd"),
            unsafe(link_section = ".ferrowire_index")
        )]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire_idx"))]
        #[cfg_attr(windows, unsafe(link_section = ".fwindex"))]
        #[used]
        static ENTRY: [u8; $crate::__abi::declaration::ENTRY_LEN] =
            $crate::__abi::declaration::index_entry(&RECORD);
    };
}

/// Runs a function of the calling crate once, before the first of its nodes is built: when the
/// runtime starts, or when the library is loaded. If it fails, the plugin is not used.
///
/// ```
/// # use ferrowire::NodeError;
/// fn check_the_device() -> Result<(), NodeError> {
///     Ok(())
/// }
///
/// ferrowire::on_load!(check_the_device);
/// ```
#[macro_export]
macro_rules! on_load {
    ($run:expr) => {
        $crate::__core::__inventory::submit! {
            $crate::__core::__Setup { plugin: env!("CARGO_PKG_NAME"), run: $run }
        }
    };
}

/// Registers metrics of the calling crate: statics of the types in [`metric`](crate::metric).
///
/// ```
/// use ferrowire::metric::Counter;
///
/// static RECEIVED: Counter = Counter::new("readings_received", "readings that a sensor sent");
///
/// ferrowire::metrics!(RECEIVED);
/// ```
#[macro_export]
macro_rules! metrics {
    ($($metric:path),+ $(,)?) => {
        $($crate::__core::__inventory::submit! {
            $crate::metric::RegisteredMetric {
                metric: &$metric,
                plugin: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
            }
        })+
    };
}
