//! What pages may do: `cors` and `csrf`.

use http::{HeaderName, header};
use tokenbridge_bridge::client_headers::is_refused;
use tokenbridge_bridge::csrf::{CsrfMode, CsrfRule};
use url::Url;

use crate::configuration::Cors;
use crate::public_url::PublicUrl;
use crate::reading::section::{Item, Section};
use crate::reading::{address, scalar};

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// What these keys say.
pub(crate) struct Pages {
    pub(crate) cors: Cors,
    pub(crate) csrf: CsrfRule,
}

/// Reads these keys; all of them have defaults.
pub(crate) fn read(root: &Section<'_>, public_url: Option<&PublicUrl>) -> Pages {
    Pages {
        cors: read_cors(root, public_url),
        csrf: read_csrf(root),
    }
}

fn read_csrf(root: &Section<'_>) -> CsrfRule {
    let mut rule = CsrfRule {
        header: CSRF_HEADER,
        mode: CsrfMode::Token,
    };
    let Some(section) = root.section("csrf") else {
        return rule;
    };
    let modes = [
        ("token", CsrfMode::Token),
        ("custom_header", CsrfMode::CustomHeader),
    ];
    rule.mode = section.value_or("mode", scalar::choice(&modes), rule.mode);
    if let Some(item) = section.get("header")
        && let Some(name) = item.value(scalar::header_name)
    {
        check_header(&item, &name);
        rule.header = name;
    }
    rule
}

/// What browsers send by themselves, or by what a form or an image can bring about.
const SENT_BY_BROWSERS: [&str; 40] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "host",
    "origin",
    "referer",
    "user-agent",
    "upgrade-insecure-requests",
    "cache-control",
    "pragma",
    "priority",
    "dnt",
    "save-data",
    "if-none-match",
    "if-modified-since",
    "if-match",
    "if-range",
    "if-unmodified-since",
    "last-event-id",
    "purpose",
    "device-memory",
    "dpr",
    "downlink",
    "ect",
    "rtt",
    "width",
    "viewport-width",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "date",
    "expect",
    "service-worker",
    "content-encoding",
    "ping-from",
    "ping-to",
];

/// A header that a form or an image can send proves nothing; one that is refused never arrives.
fn check_header(item: &Item<'_>, name: &HeaderName) {
    let safelisted = [
        header::ACCEPT,
        header::ACCEPT_LANGUAGE,
        header::CONTENT_LANGUAGE,
        header::CONTENT_TYPE,
        header::RANGE,
    ];
    let fetch_metadata = name.as_str().starts_with("sec-");
    let proves_nothing =
        safelisted.contains(name) || SENT_BY_BROWSERS.contains(&name.as_str()) || fetch_metadata;
    if proves_nothing || is_refused(name.as_str()) {
        item.at.error(
            format!(
                "`{}` can stand in requests that no page of yours made",
                item.written()
            ),
            "write a name of its own, such as X-CSRF-Token",
        );
    }
}

fn read_cors(root: &Section<'_>, public_url: Option<&PublicUrl>) -> Cors {
    let Some(cors) = root.section("cors") else {
        return Cors::default();
    };
    let means_any = cors.value_or("dangerously_allow_any_origin", scalar::boolean, false);
    let (mut allowed_origins, mut any_origin) = (Vec::new(), false);
    for item in cors.list("allowed_origins") {
        if item.written() == "*" && means_any {
            any_origin = true;
            item.at.warn(
                "`*` lets every page of the same site act as the user",
                "list exact origins and remove dangerously_allow_any_origin",
            );
            continue;
        }
        let Some(origin) = item.value(address::origin) else {
            continue;
        };
        if public_url.is_some_and(|public| is_another_site(&origin, public)) {
            item.at.warn(
                format!(
                    "`{}` is another site than public_url: its fetches carry no session cookie",
                    item.written()
                ),
                "use CORS between hosts of one domain: the cookie is SameSite=Lax",
            );
        }
        allowed_origins.push(origin);
    }
    let exposed_headers = cors
        .list("exposed_headers")
        .iter()
        .filter_map(|item| item.value(scalar::header_name))
        .collect();
    Cors {
        allowed_origins,
        any_origin,
        exposed_headers,
    }
}

/// Whether two hosts are certainly of different sites: their last two labels or schemes differ.
/// Without the public suffix list a shared `co.uk` goes unnoticed.
fn is_another_site(origin: &str, public: &PublicUrl) -> bool {
    let Ok(url) = Url::parse(origin) else {
        return false;
    };
    let last_labels = |host: &str| {
        let mut labels = host.rsplit('.');
        (
            labels.next().unwrap_or_default().to_owned(),
            labels.next().unwrap_or_default().to_owned(),
        )
    };
    let host = url.host_str().unwrap_or_default();
    (url.scheme() == "https") != public.secure || last_labels(host) != last_labels(&public.host)
}
