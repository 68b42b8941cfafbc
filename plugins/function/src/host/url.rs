//! URLs as JavaScript knows them: what the classes `URL` and `URLSearchParams` are made of.

use rquickjs::{Ctx, Exception, Result};
use url::{Url, form_urlencoded, quirks};

use super::Builder;

pub(super) fn add(builder: &Builder<'_, '_>) -> Result<()> {
    builder.add("urlParse", parse)?;
    builder.add("urlPart", |ctx: Ctx<'_>, href: String, name: String| {
        part(&href, &name).ok_or_else(|| unknown(&ctx, &name))
    })?;
    builder.add("urlSet", |href: String, name: String, value: String| set(&href, &name, &value))?;
    builder.add("queryParse", |query: String| {
        let pairs = form_urlencoded::parse(query.as_bytes());
        pairs.flat_map(|(name, value)| [name.into_owned(), value.into_owned()]).collect::<Vec<_>>()
    })?;
    builder.add("queryPrint", |pairs: Vec<String>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for pair in pairs.chunks_exact(2) {
            query.append_pair(&pair[0], &pair[1]);
        }
        query.finish()
    })
}

fn unknown(ctx: &Ctx<'_>, name: &str) -> rquickjs::Error {
    Exception::throw_internal(ctx, &format!("a URL has no part `{name}`"))
}

/// The whole URL, when it is one.
fn parse(input: String, base: Option<String>) -> Option<String> {
    let url = match base {
        Some(base) => Url::parse(&base).ok()?.join(&input),
        None => Url::parse(&input),
    };
    url.ok().map(String::from)
}

fn part(href: &str, name: &str) -> Option<String> {
    let url = Url::parse(href).ok()?;
    Some(match name {
        "origin" => quirks::origin(&url),
        "href" => quirks::href(&url).to_owned(),
        "protocol" => quirks::protocol(&url).to_owned(),
        "username" => quirks::username(&url).to_owned(),
        "password" => quirks::password(&url).to_owned(),
        "host" => quirks::host(&url).to_owned(),
        "hostname" => quirks::hostname(&url).to_owned(),
        "port" => quirks::port(&url).to_owned(),
        "pathname" => quirks::pathname(&url).to_owned(),
        "search" => quirks::search(&url).to_owned(),
        "hash" => quirks::hash(&url).to_owned(),
        _ => return None,
    })
}

/// The URL with another value for one of its parts; a part that takes no such value stays as it
/// is, as the standard wants it. Nothing for an `href` that is no URL.
fn set(href: &str, name: &str, value: &str) -> Option<String> {
    let mut url = Url::parse(href).ok()?;
    let refused = match name {
        "href" => return parse(value.to_owned(), None),
        "protocol" => quirks::set_protocol(&mut url, value),
        "username" => quirks::set_username(&mut url, value),
        "password" => quirks::set_password(&mut url, value),
        "host" => quirks::set_host(&mut url, value),
        "hostname" => quirks::set_hostname(&mut url, value),
        "port" => quirks::set_port(&mut url, value),
        "pathname" => {
            quirks::set_pathname(&mut url, value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, value);
            Ok(())
        }
        _ => {
            quirks::set_hash(&mut url, value);
            Ok(())
        }
    };
    match refused {
        Ok(()) => Some(url.into()),
        Err(()) => Some(href.to_owned()),
    }
}
