//! What the module `crypto` calculates with. The interpreter hands bytes over, and gets bytes back.

use std::sync::Arc;

use ferrowire::bus::run_aside;
use rquickjs::{ArrayBuffer, Ctx, Exception, Object, Result, Value as Js};

use super::{Builder, Shared, add, encoding};
use crate::convert::Scope;
use crate::limit::Limit;

mod aes;
mod digest;
mod signature;

use aes::Aes;
use digest::Digest;
use signature::Signing;

/// What takes longer than a few milliseconds runs where it holds up no other flow.
const LARGE: usize = 1 << 20;

/// Why something cannot be calculated: the name of an error's class, and the text.
pub(super) struct Refused(&'static str, String);

impl Refused {
    fn because(text: impl Into<String>) -> Self {
        Refused("Error", text.into())
    }

    fn throw(self, ctx: &Ctx<'_>) -> rquickjs::Error {
        match self.0 {
            "TypeError" => Exception::throw_type(ctx, &self.1),
            "RangeError" => Exception::throw_range(ctx, &self.1),
            "InternalError" => Exception::throw_internal(ctx, &self.1),
            _ => Exception::throw_message(ctx, &self.1),
        }
    }
}

type Bytes = std::result::Result<Vec<u8>, Refused>;

pub(super) fn add_to<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    let limit = Arc::clone(&shared.limit);
    builder.add("crypto", move |ctx: Ctx<'js>| object(&ctx, &limit))
}

fn object<'js>(ctx: &Ctx<'js>, limit: &Arc<Limit>) -> Result<Object<'js>> {
    let crypto = Object::new(ctx.clone())?;
    add(&crypto, "hash", |ctx: Ctx<'js>, name: String, data: Js<'js>| {
        let data = taken(&ctx, data)?;
        given(&ctx, calculated(data.len(), || Digest::named(&name)?.hash(&data)))
    })?;
    add(&crypto, "hmac", |ctx: Ctx<'js>, name: String, key: Js<'js>, data: Js<'js>| {
        let (key, data) = (taken(&ctx, key)?, taken(&ctx, data)?);
        given(&ctx, calculated(data.len(), || Digest::named(&name)?.hmac(&key, &data)))
    })?;
    add(&crypto, "random", |ctx: Ctx<'js>, size: usize| given(&ctx, random(size)))?;
    add_passwords(&crypto, limit)?;
    add_ciphers(&crypto)?;
    add_signatures(&crypto)?;
    Ok(crypto)
}

fn add_passwords<'js>(crypto: &Object<'js>, limit: &Arc<Limit>) -> Result<()> {
    let limit = Arc::clone(limit);
    add(
        crypto,
        "pbkdf2",
        move |ctx: Ctx<'js>,
              name: String,
              password: Js<'js>,
              salt: Js<'js>,
              rounds: u32,
              length: usize| {
            let (password, salt) = (taken(&ctx, password)?, taken(&ctx, salt)?);
            let derive = || {
                let digest = Digest::named(&name)?;
                digest.key_of_password((&password, &salt), rounds, length, &|| limit.is_over())
            };
            given(&ctx, run_aside(derive))
        },
    )
}

fn add_ciphers<'js>(crypto: &Object<'js>) -> Result<()> {
    add(
        crypto,
        "blocks",
        |ctx: Ctx<'js>, mode: String, encrypts: bool, key: Js<'js>, iv: Js<'js>, data: Js<'js>| {
            let (key, iv) = (taken(&ctx, key)?, taken(&ctx, iv)?);
            let data = taken(&ctx, data)?;
            let work = || Aes::new(&key)?.blocks((mode == "cbc").then_some(&iv), encrypts, data);
            given(&ctx, work())
        },
    )?;
    add(
        crypto,
        "stream",
        |ctx: Ctx<'js>, key: Js<'js>, first: Js<'js>, offset: f64, data: Js<'js>| {
            let (key, first) = (taken(&ctx, key)?, taken(&ctx, first)?);
            let data = taken(&ctx, data)?;
            given(&ctx, Aes::new(&key).and_then(|aes| aes.stream(&first, offset as u64, data)))
        },
    )?;
    add(
        crypto,
        "tag",
        |ctx: Ctx<'js>, key: Js<'js>, nonce: Js<'js>, extra: Js<'js>, text: Js<'js>| {
            let (key, nonce) = (taken(&ctx, key)?, taken(&ctx, nonce)?);
            let (extra, text) = (taken(&ctx, extra)?, taken(&ctx, text)?);
            given(&ctx, Aes::new(&key).and_then(|aes| aes.tag(&nonce, &extra, text)))
        },
    )
}

fn add_signatures<'js>(crypto: &Object<'js>) -> Result<()> {
    add(
        crypto,
        "sign",
        |ctx: Ctx<'js>,
         digest: String,
         key: String,
         passphrase: Option<String>,
         data: Js<'js>,
         is_fixed: bool| {
            let data = taken(&ctx, data)?;
            let signing = Signing { digest: &digest, is_fixed };
            given(&ctx, run_aside(|| signing.sign(&key, passphrase.as_deref(), &data)))
        },
    )?;
    add(
        crypto,
        "verify",
        |ctx: Ctx<'js>,
         digest: String,
         key: String,
         data: Js<'js>,
         signature: Js<'js>,
         is_fixed: bool| {
            let (data, signature) = (taken(&ctx, data)?, taken(&ctx, signature)?);
            let signing = Signing { digest: &digest, is_fixed };
            signing.verify(&key, &data, &signature).map_err(|refused| refused.throw(&ctx))
        },
    )
}

fn taken<'js>(ctx: &Ctx<'js>, bytes: Js<'js>) -> Result<Vec<u8>> {
    encoding::bytes(&Scope::of(ctx)?, bytes)
}

fn given<'js>(ctx: &Ctx<'js>, bytes: Bytes) -> Result<ArrayBuffer<'js>> {
    ArrayBuffer::new(ctx.clone(), bytes.map_err(|refused| refused.throw(ctx))?)
}

fn calculated<T>(size: usize, work: impl FnOnce() -> T) -> T {
    if size > LARGE { run_aside(work) } else { work() }
}

fn random(size: usize) -> Bytes {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = Vec::new();
    let too_large = |_| Refused("RangeError", format!("{size} random bytes are too many"));
    bytes.try_reserve_exact(size).map_err(too_large)?;
    bytes.resize(size, 0);
    let failed = |_| Refused::because("the system has no random bytes");
    SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
