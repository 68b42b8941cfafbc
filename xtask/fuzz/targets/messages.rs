//! Messages that cross the ABI: they are the same on the other side, and when they are back.
#![no_main]

use bytes::Bytes;
use ferrowire_abi::SHARE_FROM;
use ferrowire_abi::message::tests::{from_there, there_and_back};
use ferrowire_core::{BigInt, Date, Map, Message, Value};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let Ok(properties) = object(&mut input, 0) else { return };
    let msg = Message::from(properties);
    let shown = show(&msg);
    let crossed = from_there(msg.clone());
    // Unopened, a copy, opened, and a copy of it.
    let (unopened, copy) = (from_there(msg.clone()), crossed.clone());
    assert_eq!(show(&crossed), shown);
    assert_eq!(show(&copy), shown);
    assert_eq!(show(&there_and_back(unopened)), shown, "unopened");
    assert_eq!(show(&there_and_back(crossed)), shown, "opened");
    // What was shared outlives its message.
    let mut last = from_there(msg);
    let names: Vec<_> = last.properties().keys().cloned().collect();
    let values: Vec<_> = names.iter().filter_map(|name| last.remove(name)).collect();
    drop(last);
    let again: Map = names.into_iter().zip(values).collect();
    assert_eq!(show(&Message::from(again)), shown);
});

/// As text, since `NaN` is not equal to itself.
fn show(msg: &Message) -> String {
    format!("{:?}", msg.properties())
}

fn object(input: &mut Unstructured<'_>, depth: u8) -> Result<Map> {
    let mut map = Map::new();
    while !input.is_empty() && map.len() < 20 && input.arbitrary()? {
        map.insert(input.arbitrary::<&str>()?, value(input, depth)?);
    }
    Ok(map)
}

fn value(input: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    Ok(match input.int_in_range(0..=9_u8)? {
        0 => Value::Null,
        1 => Value::Undefined,
        2 => Value::Bool(input.arbitrary()?),
        3 => Value::Number(input.arbitrary()?),
        4 => Date::from_millis(input.arbitrary()?).into(),
        5 => {
            BigInt::from_number(input.arbitrary::<i64>()? as f64).map_or(Value::Null, Value::BigInt)
        }
        6 => input.arbitrary::<&str>()?.repeat(times(input)?).into(),
        7 => Bytes::from(input.arbitrary::<&[u8]>()?.repeat(times(input)?)).into(),
        8 if depth < 20 => {
            let mut items = Vec::new();
            while !input.is_empty() && items.len() < 20 && input.arbitrary()? {
                items.push(value(input, depth + 1)?);
            }
            items.into()
        }
        _ if depth < 20 => object(input, depth + 1)?.into(),
        _ => Value::Null,
    })
}

/// Once, or so often that it may be shared.
fn times(input: &mut Unstructured<'_>) -> Result<usize> {
    Ok(if input.arbitrary()? { 1 } else { input.int_in_range(0..=SHARE_FROM)? })
}
