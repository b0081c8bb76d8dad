"""Networks with the weights that timm keeps on a hub; whether it answers is found out in seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import timm
from huggingface_hub import constants, get_session

from cutis.errors import DownloadError, first_line

PATIENCE_S = 10.0


def pretrained_network(name: str, **options: Any) -> Any:
    """A timm network with the hub's weights, or with those that an earlier call left in its cache.

    Args:
        name: Of a timm model.
        options: Of `timm.create_model`.

    Raises:
        TypeError: the network does not take an option.
        DownloadError: the hub does not answer and the cache has no such weights, or it has none.
    """
    unreachable = None if constants.HF_HUB_OFFLINE else _fault_of_the_hub()
    with _asking_the_cache_alone(unreachable is not None):
        try:
            return timm.create_model(name, pretrained=True, **options)
        except TypeError:  # of an option that the network does not take
            raise
        except Exception as fault:  # hubs fail in many ways: proxies, HTTP, missing files
            if unreachable is None:
                raise DownloadError(f"no weights from the hub ({first_line(fault)})") from fault
            raise DownloadError(
                f"{constants.ENDPOINT} does not answer ({first_line(unreachable)})"
            ) from fault


def _fault_of_the_hub() -> Exception | None:
    """Why the hub cannot be reached, if so. Its library would try every file six times, for 23 s."""
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE_S)
    except Exception as fault:  # of whichever HTTP library the hub's own uses
        return fault
    return None


@contextmanager
def _asking_the_cache_alone(switched_on: bool) -> Iterator[None]:
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or switched_on
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
