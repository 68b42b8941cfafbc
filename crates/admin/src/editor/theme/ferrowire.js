// What the editor says about this runtime where Node-RED says something about itself: the version in the
// menu, and why node types are not installed from here if they are not. It uses the editor's interfaces only.
(function () {
    "use strict";
    const VERSION = "%VERSION%";
    const TEXTS = {
        en: {
            why: "Node types are part of this program and of the libraries that it loads. They are chosen when it is built or started, so the editor installs none.",
            load: "To load a folder of plugin libraries, start the runtime with:",
            build: "To build a program with the plugins that you choose:",
            npm: "Node-RED nodes from npm can be installed if the setting palette-install allows it."
        },
        de: {
            why: "Node-Typen gehören zu diesem Programm und zu den Bibliotheken, die es lädt. Sie werden beim Bauen oder beim Start gewählt, deshalb installiert der Editor keine.",
            load: "Um einen Ordner mit Plugin-Bibliotheken zu laden, starten Sie die Laufzeit mit:",
            build: "Um ein Programm mit ausgewählten Plugins zu bauen:",
            npm: "Node-RED-Nodes von npm lassen sich installieren, wenn die Einstellung palette-install es erlaubt."
        },
        ja: {
            why: "ノードの種類は、このプログラムと、読み込むライブラリに含まれています。ビルド時または起動時に選ばれるため、エディターからはインストールできません。",
            load: "プラグインライブラリのフォルダーを読み込むには、次のように起動します:",
            build: "選んだプラグインを含むプログラムをビルドするには:",
            npm: "npm の Node-RED ノードは、設定 palette-install で許可するとインストールできます。"
        },
        "zh-CN": {
            why: "节点类型包含在本程序及其加载的库中，在构建或启动时选定，因此不能从编辑器安装。",
            load: "要加载插件库的文件夹，请这样启动运行时：",
            build: "要构建包含所选插件的程序：",
            npm: "如果设置 palette-install 允许，就可以安装 npm 上的 Node-RED 节点。"
        }
    };

    function texts() {
        const wished = RED.i18n.lang();
        const known = Object.keys(TEXTS).find((name) => name.split("-")[0] === wished.split("-")[0]);
        return TEXTS[known] || TEXTS.en;
    }

    function palettePane() {
        const t = texts();
        const pane = $("<div>", { id: "red-ui-settings-tab-palette" }).css({ padding: "20px", maxWidth: "600px" });
        pane.append($("<p>").text(t.why));
        pane.append($("<p>").text(t.load), $("<pre>").text("ferrowire run --plugins FOLDER"));
        pane.append($("<p>").text(t.build), $("<pre>").text("cargo xtask assemble"));
        pane.append($("<p>").text(t.npm));
        return pane;
    }

    function complete() {
        const version = $("#menu-item-node-red-version");
        if (version.length === 0) return;
        RED.events.off("sidebar:resize", complete);
        version.find(".red-ui-menu-label > span").first().text("Ferrowire " + VERSION);
        version.attr("title", "Node-RED editor " + RED.settings.version);

        // Then the editor has a palette manager of its own.
        if (RED.settings.externalModules.palette.allowInstall) return;
        RED.userSettings.add({ id: "palette", title: RED._("palette.editor.palette"), get: palettePane });
        RED.actions.add("core:manage-palette", () => RED.userSettings.show("palette"));
        RED.menu.addItem("red-ui-header-button-sidemenu", {
            id: "menu-item-edit-palette", label: RED._("menu.label.editPalette"), onselect: "core:manage-palette"
        });
        $("#menu-item-edit-palette").parent().insertBefore($("#menu-item-user-settings").parent());
    }

    // The editor's first event after its menu is there.
    RED.events.on("sidebar:resize", complete);
})();
