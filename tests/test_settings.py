"""Settings: what is secret among them is not shown, and comes from the environment or a file."""

from pathlib import Path

import pytest

from proviso.settings import InvalidSetting, load_settings

URL = "postgresql://u:hunter2@h/d"


def test_a_secret_is_not_shown_with_the_settings() -> None:
    settings = load_settings({"PROVISO_STORE": URL, "PROVISO_SPOOL_KEY": "hunter2"})
    assert settings.store == URL
    assert "hunter2" not in repr(settings) + str(settings) + repr(settings.__rich_repr__())
    assert "port=8321" in repr(settings)


def test_a_secret_may_come_from_a_file_but_not_from_both(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{URL}\n")
    named = {"PROVISO_STORE_FILE": str(tmp_path / "url")}
    assert load_settings(named).store == URL
    with pytest.raises(InvalidSetting, match="both"):
        load_settings(named | {"PROVISO_STORE": URL})
