//! What Express's methods on `msg.req` and `msg.res` ask of the runtime.

use std::sync::Arc;

use ferrowire::port::http::StatusCode;
use rquickjs::{Ctx, Result, Value as Js};

use super::{Builder, Shared, message};
use crate::convert::{Reader, Scope};
use crate::http;

pub(super) fn add<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    builder.add("reason", |status: u16| {
        StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason())
    })?;
    builder.add("mediaType", |extension: String| {
        mime_guess::from_ext(extension.trim_start_matches('.')).first_raw()
    })?;
    let this = Arc::clone(shared);
    builder.add("answer", move |ctx: Ctx<'js>, response: Js<'js>| {
        let Some(mut response) = message(&ctx, response)? else { return Ok(()) };
        let res = response.remove("res").unwrap_or_default();
        let answer = http::answer(res, std::mem::take(response.properties_mut()));
        answer.map_or(Ok(()), |answer| this.push(&ctx, answer))
    })?;
    let this = Arc::clone(shared);
    builder.add("abandon", move |ctx: Ctx<'js>, msg: Js<'js>| this.abandon(&ctx, msg))
}

impl Shared {
    /// The code failed with a message after waiting.
    fn abandon<'js>(&self, ctx: &Ctx<'js>, msg: Js<'js>) -> Result<()> {
        let Some(msg) = msg.as_object() else { return Ok(()) };
        let res: Js<'js> = msg.get("res")?;
        let res = Reader::new(&Scope::of(ctx)?).value(res)?.unwrap_or_default();
        http::failed(res).map_or(Ok(()), |failed| self.push(ctx, failed))
    }
}
