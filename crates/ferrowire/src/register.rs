//! `register!`, `metrics!` and `on_load!`: register the nodes, metrics and set-up of a crate.

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
            #[cfg_attr(
                any(target_os = "linux", target_os = "android", target_os = "freebsd"),
                unsafe(link_section = ".ferrowire")
            )]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire"))]
            #[cfg_attr(windows, unsafe(link_section = ".fwire"))]
            #[used]
            static RECORD: [u8; $crate::__abi::declaration::node_record_len(&NODE_TYPE)] =
                $crate::__abi::declaration::node_record(&NODE_TYPE);
            #[cfg_attr(
                any(target_os = "linux", target_os = "android", target_os = "freebsd"),
                unsafe(link_section = ".ferrowire_index")
            )]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire_idx"))]
            #[cfg_attr(windows, unsafe(link_section = ".fwindex"))]
            #[used]
            static ENTRY: [u8; $crate::__abi::declaration::ENTRY_LEN] =
                $crate::__abi::declaration::index_entry(&RECORD);
            $crate::__core::__inventory::submit! {
                $crate::__core::__Registered { node_type: NODE_TYPE, records: [&RECORD, &ENTRY] }
            }
        };)+
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
