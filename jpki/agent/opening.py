"""Opening the confirmation's address in the person's browser, or a named program."""

from __future__ import annotations

import subprocess
import webbrowser
from collections.abc import Callable
from threading import Thread

from jpki.errors import ConfirmationUnavailable

__all__ = ["open_in_browser", "opener_with"]


def open_in_browser(address: str) -> None:
    """Show the address in the default browser.

    Raises:
        ConfirmationUnavailable: there is none.
    """
    if not webbrowser.open(address, new=1):
        raise ConfirmationUnavailable(
            "no browser could be opened",
            hint="name one with --open-with, or use --confirm terminal",
        )


def opener_with(program: str) -> Callable[[str], None]:
    """Show addresses with this program, which gets the address as its only argument."""

    def show(address: str) -> None:
        try:
            process = subprocess.Popen(
                [program, address],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise ConfirmationUnavailable(
                f"{program}: {error.strerror}", hint="name another with --open-with"
            ) from None
        # It may run as long as the browser does; its end is of no interest.
        Thread(target=process.wait, daemon=True).start()

    return show
