//! Runs the servers of Debian, each with its own files, in one process in the foreground.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::page::Snippet;

/// The modules of Debian's Apache that its configuration needs, beside those that the page names.
const APACHE_MODULES: [&str; 6] =
    ["mpm_event", "authz_core", "ssl", "proxy", "proxy_http", "headers"];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
    Apache,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::Nginx, Kind::HaProxy, Kind::Apache];

impl Kind {
    /// Its configuration on the page.
    pub(crate) fn snippet(self) -> Snippet {
        Snippet::of(match self {
            Kind::Nginx => "nginx",
            Kind::HaProxy => "haproxy",
            Kind::Apache => "apache",
        })
    }

    /// With time limits of a second.
    pub(crate) fn shorten(self, snippet: Snippet) -> Snippet {
        match self {
            Kind::Nginx | Kind::HaProxy => snippet.with("60s", "1s"),
            Kind::Apache => snippet.with("Timeout 60", "Timeout 1"),
        }
    }

    /// As the page says for a site below `/tools/`.
    pub(crate) fn below_a_path(self, snippet: Snippet) -> Snippet {
        snippet.with_row(match self {
            Kind::Nginx => "nginx",
            Kind::HaProxy => "HAProxy",
            Kind::Apache => "Apache",
        })
    }

    /// The snippet for another port, another address of the runtime, and the files in `folder`.
    pub(crate) fn placed(
        self,
        snippet: Snippet,
        folder: &Path,
        (port, runtime): (u16, &str),
    ) -> Snippet {
        let certificates = format!("{}/flows", folder.display());
        let snippet = snippet.with("/etc/ssl/flows", &certificates);
        let snippet = snippet.with("127.0.0.1:1880", runtime);
        match self {
            Kind::Nginx => snippet.with("listen 443", &format!("listen 127.0.0.1:{port}")),
            Kind::HaProxy => snippet.with("bind :443", &format!("bind 127.0.0.1:{port}")),
            Kind::Apache => snippet.with("*:443", &format!("127.0.0.1:{port}")),
        }
    }

    /// Starts the server with its configuration.
    pub(crate) fn start(self, snippet: &Snippet, folder: &Path, port: u16) -> Child {
        let file = folder.join("proxy.conf");
        std::fs::write(&file, self.whole(snippet, folder, port)).unwrap();
        let mut command = match self {
            Kind::Nginx => Command::new("/usr/sbin/nginx"),
            Kind::HaProxy => Command::new("/usr/sbin/haproxy"),
            Kind::Apache => Command::new("/usr/sbin/apache2"),
        };
        match self {
            Kind::Nginx => {
                command.args(["-g", "daemon off; master_process off;", "-p"]).arg(folder)
            }
            Kind::HaProxy => command.arg("-db"),
            Kind::Apache => command.arg("-X"),
        };
        command.arg(if matches!(self, Kind::Nginx) { "-c" } else { "-f" }).arg(file);
        let log = std::fs::File::create(folder.join("proxy.log")).unwrap();
        command.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap()
    }

    /// The snippet in what it is part of on a real machine.
    fn whole(self, snippet: &Snippet, folder: &Path, port: u16) -> String {
        let (snippet, folder) = (snippet.text(), folder.display());
        match self {
            Kind::Nginx => {
                let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
                    .concat();
                format!(
                    "pid {folder}/pid;\nerror_log stderr;\nevents {{}}\n\
                     http {{\naccess_log off;\n{temporary}{snippet}\n}}\n"
                )
            }
            Kind::HaProxy => snippet.to_owned(),
            Kind::Apache => {
                let modules = APACHE_MODULES.map(|name| {
                    format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
                });
                format!(
                    "ServerRoot {folder}\nServerName localhost\nPidFile {folder}/pid\nMutex file:{folder}\n\
                     ErrorLog /dev/stderr\nUser daemon\nGroup daemon\n{}Listen 127.0.0.1:{port}\n{snippet}",
                    modules.concat()
                )
            }
        }
    }
}
