"""Settings: defaults, overrides, and complaints that name file, key and reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jpki.errors import ConfigurationError
from jpki.service.secrets import passphrase_from
from jpki.service.settings import Settings, load


def written(folder: Path, text: str = "") -> Path:
    """A settings file with this content."""
    file = folder / "jpki.toml"
    file.write_text(text, "utf-8")
    return file


def test_an_empty_file_gives_usable_defaults(tmp_path: Path) -> None:
    """All paths are absolute and lie in the data directory beside the file."""
    settings = load(written(tmp_path))
    data = tmp_path / "data"
    assert settings.common.data_directory == data
    assert settings.authority.database == f"sqlite:///{data}/authority.sqlite"
    assert settings.revocation.database == settings.authority.database
    assert settings.registry.clients == data / "credentials" / "registry-clients.toml"
    assert settings.common.clock_offset == timedelta(0)
    assert settings.common.language == "ja"


def test_values_of_the_file_are_taken(tmp_path: Path) -> None:
    """Relative paths start at the file's folder, `{data}` at the data directory."""
    settings = load(
        written(
            tmp_path,
            """
            [common]
            data_directory = "/srv/jpki"
            [registry]
            port = 0
            seed = true
            clients = "clients.toml"
            database = "postgresql://registry@db/registry"
            public_url = "https://registry.example"
            [authority]
            key_directory = "{data}/keys/ca"
            """,
        )
    )
    assert settings.registry.port == 0
    assert settings.registry.seed
    assert settings.registry.clients == tmp_path / "clients.toml"
    assert settings.registry.database == "postgresql://registry@db/registry"
    assert settings.registry.public_url == "https://registry.example"
    assert settings.authority.public_url is None
    assert settings.authority.key_directory == Path("/srv/jpki/keys/ca")
    assert settings.revocation.database == "sqlite:////srv/jpki/authority.sqlite"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """`JPKI_<TABLE>__<KEY>` replaces a value; other variables are nobody's business."""
    settings = load(
        written(tmp_path, "[registry]\nport = 1\nseed = false\n"),
        {
            "JPKI_REGISTRY__PORT": "8500",
            "JPKI_REGISTRY__SEED": "TRUE",
            "JPKI_COMMON__DATA_DIRECTORY": "elsewhere",
            "JPKI_CONFIG": "jpki.toml",
            "HOME": "/root",
        },
    )
    assert (settings.registry.port, settings.registry.seed) == (8500, True)
    assert settings.common.data_directory == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("[common", "(syntax)", "declaration"),
        ("colour = 1", "colour", "unknown table"),
        ("common = 1", "common", "unknown table"),
        ("[portal]", "portal", "unknown table"),
        ("[registry]\ncolour = 1", "registry.colour", "unknown key"),
        ("[registry]\nport = '8403'", "registry.port", "whole number"),
        ("[registry]\nport = true", "registry.port", "whole number"),
        ("[registry]\nport = 65536", "registry.port", "from 0 to 65535"),
        ("[registry]\nseed = 1", "registry.seed", "true or false"),
        ("[registry]\nhost = ''", "registry.host", "empty"),
        ("[registry]\nclients = 3", "registry.clients", "text"),
        ("[common]\nlanguage = 'fr'", "common.language", "ja, en"),
        (
            "[common]\nclock_offset_seconds = 60",
            "common.clock_offset_seconds",
            "test systems",
        ),
        *(
            (
                f"[revocation]\ntrusted_proxy = '{address}'",
                "revocation.trusted_proxy",
                "no IP address",
            )
            for address in ("proxy.example", "127.0.0.1:443", "0:0:0:0:0:0:0:1")
        ),
    ],
)
def test_a_bad_file_is_refused(
    tmp_path: Path, text: str, key: str, reason: str
) -> None:
    """The complaint says in which file which key is wrong, and why."""
    file = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert (caught.value.file, caught.value.key) == (str(file), key)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("JPKI_REGISTRY__COLOUR", "red", "unknown key"),
        ("JPKI_PORTAL__PORT", "1", "unknown table"),
        ("JPKI_REGISTRY__PORT", "many", "whole number"),
        ("JPKI_REGISTRY__PORT", "-1", "from 0"),
        ("JPKI_REGISTRY__SEED", "perhaps", "true or false"),
        ("JPKI_COMMON__LANGUAGE", "fr", "ja, en"),
    ],
)
def test_a_bad_override_is_refused(
    tmp_path: Path, variable: str, value: str, reason: str
) -> None:
    """The complaint names the variable."""
    with pytest.raises(ConfigurationError) as caught:
        load(written(tmp_path), {variable: value})
    assert (caught.value.file, caught.value.key) == ("environment", variable)
    assert reason in caught.value.reason


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """Missing, a folder, not text, or far too large."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    large = tmp_path / "large"
    large.write_bytes(b"#" * 2_000_000)
    for file in (tmp_path / "none.toml", tmp_path, binary, large):
        with pytest.raises(ConfigurationError):
            load(file)


def test_a_test_clock_has_to_be_allowed(tmp_path: Path) -> None:
    """Then the offset is taken."""
    text = "[common]\ntest_system = true\nclock_offset_seconds = -86400\n"
    common = load(written(tmp_path, text)).common
    assert common.clock_offset == timedelta(days=-1)


def test_settings_stand_alone() -> None:
    """They can be made without a file, for programs that embed a server."""
    assert Settings().registry.port == 8403


def test_a_passphrase_comes_from_a_private_file(tmp_path: Path) -> None:
    """Its first line, asked for each time; files of others' eyes are refused."""
    file = tmp_path / "secret"
    with pytest.raises(ConfigurationError, match="No such file"):
        passphrase_from(file)
    file.write_text("correct horse\nsecond line\n")
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="read by others"):
        passphrase_from(file)
    file.chmod(0o600)
    assert passphrase_from(file)() == "correct horse"
    file.write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        passphrase_from(file)
