"""Session tokens: taken from requests, given back with answers."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.consistency import Guarantee, Receipt
from echofs.core.errors import InvalidRequest
from echofs.core.models import Version
from echofs.core.session_tokens import Line, Session, decode, encode
from echofs.ports.seal import TokenSeal

SESSION_FIELD = "X-EchoFS-Session"


class Sessions:
    """Thread-safe; holds nothing of any session.

    Writes do two things with it: :meth:`open` before the body is read, so that a wrong token is refused early, and
    :meth:`after_write` on the receipt before it is answered.
    """

    def __init__(self, seal: TokenSeal) -> None:
        self._seal = seal

    def open(self, token: str, user_id: str) -> Session:
        """What a user's client has seen; nothing for an empty token.

        Raises :class:`InvalidRequest` for a token that was changed, comes from another cluster or belongs to another
        user. One that is old is as good as any: it asks for what is long true.
        """
        if not token:
            return Session(user_id)
        try:
            session = decode(self._seal.open(token))
        except ValueError:
            raise _refused("is not one that this cluster made") from None
        if session.user_id != user_id:
            raise _refused("belongs to another user")
        return session

    def token(self, session: Session) -> str:
        """The token to give to the client."""
        return self._seal.seal(encode(session))

    def after_write(self, session: Session, version: Version, receipt: Receipt, line: Line) -> Receipt:
        """The receipt with the token by which reads will see the version, through any master. ``line`` is what the
        version contains.

        A provisional one that does not follow all that its writer had seen, since this host does not know it, is marked
        as degraded.
        """
        unmet = session.unmet(version.file_id, line) if receipt.provisional else None
        seen = session.saw(version, line, provisional=receipt.provisional)
        receipt = replace(receipt, session=self.token(seen))
        if unmet is None:
            return receipt
        reason = " ".join(filter(None, (receipt.reason, unmet.value)))
        return replace(receipt, guarantee=Guarantee.NONE, degraded=True, reason=reason)


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The session token {why}: leave it out, and take the one of the answer.", field=SESSION_FIELD
    )
