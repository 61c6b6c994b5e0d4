"""Every error that a user of the project can meet, as one tree.

    BriefsError
    ├── SettingsError        a setting, variable or file of settings that cannot be used
    ├── CorpusError          the corpus as a whole: missing, empty, overlapping with the store
    │   └── UnreadableBrief  one file of it: broken, locked, without text, too large, not what its suffix says
    ├── StoreError           the store as a whole
    │   ├── StoreMissing     nothing has been indexed yet
    │   ├── StoreMismatch    made by another embedder, other chunk settings or a newer version
    │   ├── StoreBusy        another process is building
    │   └── StoreBroken      a build that failed its probe, or files that do not open
    ├── QuestionError        a question that cannot be asked: empty, too long, not text
    └── ModelError           a model endpoint that failed, refused or answered nonsense

The message of each is one line for people: what was found, what was expected, what to do. Errors of third-party
libraries are translated to one of these where the library is called, with the original as ``__cause__``.
"""

from __future__ import annotations


class BriefsError(Exception):
    """Base of all errors that end in one line on stderr and exit code 2."""


class SettingsError(BriefsError):
    """A setting is unknown, out of its bounds, or contradicts another."""


class CorpusError(BriefsError):
    """The corpus cannot be used as a whole."""


class UnreadableBrief(CorpusError):
    """One file cannot be read as a brief; the others still can."""


class StoreError(BriefsError):
    """The store cannot be used."""


class StoreMissing(StoreError):
    """There is no index in the store yet."""


class StoreMismatch(StoreError):
    """The index was made with another embedder, chunker or a newer version of the project."""


class StoreBusy(StoreError):
    """Another process holds the build lock."""


class StoreBroken(StoreError):
    """An index does not open or did not pass its probe."""


class QuestionError(BriefsError):
    """The question cannot be asked as it stands."""


class ModelError(BriefsError):
    """A model endpoint failed, refused, or answered something unusable."""
