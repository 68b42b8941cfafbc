//! `help_files!` and `text_files!`: the files of a dialog in several languages.

/// The help of a dialog in other languages than English, for [`EditorPart::help`]: the files
/// `editor/help.LANGUAGE.html` beside the source file that calls this.
///
/// ```text
/// EditorPart::new("report", include_str!("editor/report.html")).help(help_files!("de", "ja"))
/// ```
///
/// A missing file does not compile.
///
/// [`EditorPart::help`]: crate::EditorPart::help
#[macro_export]
macro_rules! help_files {
    ($($language:literal),+ $(,)?) => {
        &[$(($language, include_str!(concat!("editor/help.", $language, ".html")))),+]
    };
}

/// The texts of a dialog, for [`EditorPart::catalogs`]: the files `editor/texts.LANGUAGE.json`
/// beside the source file that calls this.
///
/// ```text
/// EditorPart::new("report", include_str!("editor/report.html")).catalogs(text_files!("en-US", "de"))
/// ```
///
/// A missing file does not compile.
///
/// [`EditorPart::catalogs`]: crate::EditorPart::catalogs
#[macro_export]
macro_rules! text_files {
    ($($language:literal),+ $(,)?) => {
        &[$(($language, include_str!(concat!("editor/texts.", $language, ".json")))),+]
    };
}
