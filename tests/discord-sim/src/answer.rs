//! API error objects in Discord's wording, and Cloudflare's HTML error page.
//!
//! Source: Topics/Opcodes and Status Codes, "JSON Error Codes"; Reference, "Error
//! Messages".

use crate::wire::Writer;

/// The JSON body of a 200, or the error.
pub(crate) type RouteResult = Result<Writer, ApiError>;

/// An error response, or a 202: HTTP status and Discord's error object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub status: u16,
    code: u64,
    message: &'static str,
    field: Option<FieldError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldError {
    field: &'static str,
    code: &'static str,
    message: String,
}

impl ApiError {
    pub(crate) const UNAUTHORIZED: Self = Self::plain(401, 0, "401: Unauthorized");
    pub(crate) const UNKNOWN_ROUTE: Self = Self::plain(404, 0, "404: Not Found");
    pub(crate) const WRONG_METHOD: Self = Self::plain(405, 0, "405: Method Not Allowed");
    pub(crate) const UNKNOWN_CHANNEL: Self = Self::plain(404, 10003, "Unknown Channel");
    pub(crate) const UNKNOWN_GUILD: Self = Self::plain(404, 10004, "Unknown Guild");
    pub(crate) const UNKNOWN_MEMBER: Self = Self::plain(404, 10007, "Unknown Member");
    pub(crate) const UNKNOWN_MESSAGE: Self = Self::plain(404, 10008, "Unknown Message");
    pub(crate) const UNKNOWN_EMOJI: Self = Self::plain(400, 10014, "Unknown Emoji");
    pub(crate) const MISSING_ACCESS: Self = Self::plain(403, 50001, "Missing Access");
    pub(crate) const MISSING_PERMISSIONS: Self = Self::plain(403, 50013, "Missing Permissions");
    pub(crate) const WRONG_CHANNEL_TYPE: Self =
        Self::plain(400, 50024, "Cannot execute action on this channel type");

    /// "Index not yet available": the server search is being prepared.
    pub(crate) const INDEX_NOT_READY: Self =
        Self::plain(202, 110_000, "Index not yet available. Try again later");

    const fn plain(status: u16, code: u64, message: &'static str) -> Self {
        Self { status, code, message, field: None }
    }

    /// 50035 "Invalid Form Body" for one field; an empty `field` reports the error on the
    /// request as a whole.
    pub(crate) const fn invalid_form(field: &'static str, code: &'static str, message: String) -> Self {
        Self {
            status: 400,
            code: 50035,
            message: "Invalid Form Body",
            field: Some(FieldError { field, code, message }),
        }
    }

    pub(crate) fn not_a_snowflake(field: &'static str, value: &str) -> Self {
        let message = format!("Value \"{value}\" is not snowflake.");
        Self::invalid_form(field, "NUMBER_TYPE_COERCE", message)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.item(|w| {
            w.text("message", self.message);
            w.number("code", self.code);
            if *self == Self::INDEX_NOT_READY {
                w.raw("documents_indexed", "0");
                w.raw("retry_after", "2");
            }
            if let Some(error) = &self.field {
                w.object("errors", |w| match error.field {
                    "" => error.write(w),
                    field => w.object(field, |w| error.write(w)),
                });
            }
        });
        w.finish()
    }
}

impl FieldError {
    fn write(&self, w: &mut Writer) {
        w.array("_errors", |w| {
            w.item(|w| {
                w.text("code", self.code);
                w.text("message", &self.message);
            });
        });
    }
}

/// Cloudflare's HTML error page; a request answered with it never reached the API.
pub(crate) const EDGE_ERROR_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Access denied | \
    discord.com used Cloudflare to restrict access</title></head><body><h1>Error 1020</h1>\
    <p>Access denied</p></body></html>\n";
