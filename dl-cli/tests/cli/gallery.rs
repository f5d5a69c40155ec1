//! The gallery of wrong networks, as `dlc` and as the library show it.

use dl::{Error, Network};

use crate::folder::Folder;
use crate::wrong_networks::{SEPARATOR, gallery};

#[test]
fn wrong_networks_are_shown_as_in_the_gallery() {
    let folder = Folder::new();
    for wrong in gallery() {
        let path = wrong.path.display();
        let content = std::fs::read_to_string(&wrong.path).unwrap();
        let (_, expected) = content.split_once(SEPARATOR).unwrap_or_else(|| panic!("{path} shows nothing"));

        folder.write("net.dl", &wrong.text);
        assert_eq!(folder.dlc(&["summary", "net.dl"]).fails(1), expected, "{path}");

        let error = Network::parse(&wrong.text).expect_err("a wrong network");
        let Error::Network { count, rendered, .. } = &error else { panic!("{path}: {error}") };
        assert_eq!(rendered.replace("--> <network>:", "--> net.dl:") + "\n", expected, "{path}");
        assert_eq!(error.to_string(), *rendered, "{path}");
        let n_mistakes = expected.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(*count, n_mistakes, "{path}");
    }
}
