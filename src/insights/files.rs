//! Kinds of files.

use serde::Serialize;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Pictures.
    Images,
    /// Films.
    Videos,
    /// Sound.
    Audio,
    /// Plain text, logs and code.
    Text,
    /// Documents of word processors, spreadsheets, presentations, PDF.
    Documents,
    /// Several files in one.
    Archives,
    /// Anything else.
    Other,
}

impl FileKind {
    /// The kind of a file by its media type, or else by the end of its name.
    pub fn of(content_type: Option<&str>, name: &str) -> Self {
        let of_type = content_type.map_or(Self::Other, |content_type| {
            let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            match media_type.split_once('/') {
                Some(("image", _)) => Self::Images,
                Some(("video", _)) => Self::Videos,
                Some(("audio", _)) => Self::Audio,
                Some(("text", _) | ("application", "json" | "xml" | "yaml" | "javascript")) => Self::Text,
                Some(("application", "pdf" | "msword" | "rtf")) => Self::Documents,
                Some(("application", "zip" | "gzip" | "x-tar" | "x-7z-compressed" | "vnd.rar")) => {
                    Self::Archives
                }
                _ => Self::Other,
            }
        });
        if of_type != Self::Other {
            return of_type;
        }
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        match extension.as_str() {
            "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "bmp" | "svg" | "heic" | "tif" | "tiff" => {
                Self::Images
            }
            "mp4" | "mov" | "webm" | "mkv" | "avi" => Self::Videos,
            "mp3" | "ogg" | "oga" | "opus" | "wav" | "flac" | "m4a" => Self::Audio,
            "txt" | "log" | "md" | "csv" | "tsv" | "json" | "xml" | "yml" | "yaml" | "toml" | "ini"
            | "cfg" | "conf" | "rs" | "py" | "js" | "ts" | "lua" | "c" | "h" | "cpp" | "cs" | "java"
            | "html" | "css" | "sh" | "sql" | "diff" | "patch" => Self::Text,
            "pdf" | "doc" | "docx" | "odt" | "xls" | "xlsx" | "ods" | "ppt" | "pptx" | "odp" | "rtf"
            | "epub" => Self::Documents,
            "zip" | "rar" | "7z" | "gz" | "tgz" | "tar" | "xz" | "bz2" | "zst" | "jar" => Self::Archives,
            _ => Self::Other,
        }
    }

    /// It in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Images => "Images",
            Self::Videos => "Videos",
            Self::Audio => "Audio",
            Self::Text => "Text and logs",
            Self::Documents => "Documents",
            Self::Archives => "Archives",
            Self::Other => "Other kinds",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_type_or_the_name() {
        for (content_type, name, kind) in [
            (Some("image/png"), "x", FileKind::Images),
            (Some("Text/Plain; charset=utf-8"), "x.png", FileKind::Text),
            (Some("application/octet-stream"), "a.b.ZIP", FileKind::Archives),
            (None, "notes.md", FileKind::Text),
            (None, "README", FileKind::Other),
            (Some("application/pdf"), "", FileKind::Documents),
            (Some("audio/ogg"), "voice-message.ogg", FileKind::Audio),
        ] {
            assert_eq!(FileKind::of(content_type, name), kind, "{content_type:?} {name}");
        }
    }
}
