"""The errors that a user can meet, each with the exit code that the command line gives it.

The native decoder's errors (`TiffError` and its kinds, `IoError`) live in `kinfast.io`, since they
are born in the native core.
"""

EXIT_INTERRUPTED = 130
"""Of a command that Ctrl-C or SIGTERM ended: 128 and the signal's number, as shells have it."""


class KinfastError(Exception):
    """Base of kinfast's own errors. The message is one line: found, wanted, where, what to do."""

    exit_code = 2


class UsageError(KinfastError):
    """An option or an argument that cannot be acted on."""


class InputError(KinfastError):
    """Input that is missing, contradicts itself or is not what it should be."""


class SpecError(InputError):
    """A data-set spec or convention that is unknown or malformed."""


class ConventionError(InputError):
    """File names that no convention reads, or that two read equally well."""


class MetadataError(InputError):
    """A metadata table that cannot be understood or joined."""


class StoreError(InputError):
    """A prepared store that is absent, incomplete or of another format version."""


class SplitError(InputError):
    """A split that the labels do not allow."""


class LeakError(SplitError):
    """A split with members of one group (well, plate, compound) on two sides."""


class WeightsError(InputError):
    """Weights that cannot be fetched or do not fit the model."""


class RunError(InputError):
    """A run folder that is absent, incomplete or was made with other settings."""


class RankError(RunError):
    """What one of several processes that train together says for all of them; the others end without a word."""


class SaidInterrupt(SystemExit):
    """An interruption by Ctrl-C or SIGTERM, of which the person was told, and how to go on."""
