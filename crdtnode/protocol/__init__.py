"""The protocol: messages, time and chance in, effects out. Nothing here does I/O.

`Engine` is the whole of it; its module says how it is driven. `effects` has what it gives back.

* The ways: `doorway` in, `answers` to each message, `outbound` out. Beneath them `channel` (seals),
  `contact` (proofs over UDP), `strangers` (foreign keys), `streams` (TCP), `mail` (what is to be
  sent).
* Who is here, `cluster`: `members` and `member` (which news wins), `contests` (names), `ring` and
  `probing` (who does not answer), `suspicion`, `health` (our own), `absent` (who is gone), `seeds`
  and `discovery`; `news` on probes and the `bulletin` to everybody; `leaving`.
* The fast path, `push`: down a tree (`spans`, `spreading`), `announcing` what is large, `deliveries`
  until they are acknowledged, `confirmations` of what others hold, `shedding` under overload;
  `receipts`, `inbox` and `joins` for what arrives.
* The truth, `repair`: `pings` say what we have, `descent` compares tries, `typesets` says over which
  types; `parcels` (how an object travels) go in `chunks`, one `deep` session at a time; `strikes`
  against what never agrees.
* To be seen: `survey` asks everybody for its root, `lags` says how far others are behind, `looking`
  what differs; `views` is what others may look at.
"""

from crdtnode.protocol.channel import Channel as Channel
from crdtnode.protocol.effects import Address as Address
from crdtnode.protocol.effects import Changed as Changed
from crdtnode.protocol.effects import CloseStream as CloseStream
from crdtnode.protocol.effects import Effect as Effect
from crdtnode.protocol.effects import Event as Event
from crdtnode.protocol.effects import Flushed as Flushed
from crdtnode.protocol.effects import Left as Left
from crdtnode.protocol.effects import MemberNews as MemberNews
from crdtnode.protocol.effects import OpenStream as OpenStream
from crdtnode.protocol.effects import Roots as Roots
from crdtnode.protocol.effects import SendDatagram as SendDatagram
from crdtnode.protocol.effects import SendFrame as SendFrame
from crdtnode.protocol.effects import Stream as Stream
from crdtnode.protocol.effects import Udp as Udp
from crdtnode.protocol.engine import Engine as Engine
from crdtnode.protocol.views import MemberView as MemberView
from crdtnode.protocol.views import name_conflicts as name_conflicts
