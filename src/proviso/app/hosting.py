"""What a release's models are here: the register's entries, this environment's bindings, the machine's credentials."""

from proviso.contract import Bundle, Terms
from proviso.errors import NotReady
from proviso.models import Extractive, Fallback, Model
from proviso.orchestrator import Models, answering
from proviso.settings import Settings

_LOCAL = "extractive"  # the provider that is built in


class Hosting:
    """What all releases of one process share to call models."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def models(self, bundle: Bundle, terms: Terms) -> Models:
        """Return what asks models of a release, under the bindings of the terms."""

        def of(names: tuple[str, ...]) -> Model:
            return self._of(names, bundle, terms)

        return of

    def _of(self, names: tuple[str, ...], bundle: Bundle, terms: Terms) -> Model:
        first, *others = names
        model: Model = self._one(first, bundle, terms)
        for name in others:
            model = Fallback(model, self._one(name, bundle, terms))
        return model

    def _one(self, name: str, bundle: Bundle, terms: Terms) -> Model:
        if bundle.models[name].provider == _LOCAL:
            return Extractive(name=name)
        raise NotReady(f"the model `{name}` cannot be called here", fix="see its entry in models.yaml")

    async def close(self) -> None:
        """Close every connection."""


def is_hosted(bundle: Bundle) -> bool:
    """Whether somebody else runs one of the models that may draft."""
    return any(bundle.models[name].provider != _LOCAL for name in answering(bundle))
