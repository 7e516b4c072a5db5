"""Settings that are offered a `desired` as a node does it."""

from babbitt_node import offers
from babbitt_node.settings import Settings


class Desiring(Settings):
    """See settings.Settings."""

    def offer(self, payload, try_out):
        """Whether a `desired` is new and runs on trial now."""

        def tried(config, version, digest):
            try_out(config, version, digest)
            return self

        made, kept = offers.offer(self._buses, self._wifi, self.kept(), payload, tried)
        self.config, self.version, self.hash, self.report, self.trial = kept
        return made is self
