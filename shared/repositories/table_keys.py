"""Where everything stands in the table: one function per kind of item.

C#<customer>   P                         profile: own facts, figures, standing; carries the lifecycle due row
               OT#<end of task id>       an open task or review, shown with the profile
               DT#<end of task id>       a task that is done (forgotten after 90 days)
               OA#<end of id>            an appointment, shown with the profile
               DA#<end of id>            one that was cancelled (forgotten after 90 days)
               OS#<end of ticket id>     an open or pending ticket, shown with the profile; due by itself
               TS#<end of ticket id>     a resolved ticket
               TM#<end of ticket id>#<at>#<n>   what was said in a ticket
               TC#<end of ticket id>     what was credited to a ticket
               TH                        the latest tickets by channel
               TD#<hash>                 a message to a ticket that was taken in (forgotten after 90 days)
               OW#<message>              what the shop's own page shows next (forgotten after 14 days)
               O#<placed at>#<order>     what one order counts for
               K                         the cart
               E#<at>#<message id>       timeline
               M#<merge id>              record of a merge, on both sides
               X#<end of message id>     a message to the customer; due by itself while it is open
               OJ                        the journeys the customer is in; due by itself, shown with the profile
               FC#<digest of its id>     a comment of theirs under the page's posts; due by itself while it is open
               W                         when and how often the customer was written to
L#<hmac>       L                         link of one identity to its customer
APPOINTMENTS#<store>  <starts at>#<id>   the appointments of a store; PLACES#<store>, <hour>  whose places are taken
TICKETS, TICKETS#<queue>, TICKETS@<person>   <status>#<urgency>#<ticket>   the tickets of all, of a queue, of a person
STAFF#<person>  L                        how many open tickets somebody has
               D#<day>                   how many calls somebody has on a local day (forgotten after 60 days)
TASKS, TASKS#<store>, TASKS@<person>   <status>#<at>#<task>   the staff tasks of all, of a store, of a person
DESK#<day>     <who>|<channel>|<shard>   what tickets came, how fast they were answered and solved on a local day
CORRECTIONS#<month>  <at>#<ticket>       labels that staff put right, as examples to learn from
ORDER#<order>  O                         the order: the set of its facts; a walk-in's open COD order is due by itself
MSG#<id>       M                         a message that was taken in (forgotten after 90 days)
S#<label>      <customer>                members of a segment
COUNTS         <shard>                   how many members each segment has
RISK           <rank>#<customer>         churn risk, the most valuable first
WINBACK#<day>  <rank>                    the list of one morning
DAY#<day>      <store>|<channel>|<cashier>|<shard>   the shop's totals of one local day
BADPHONE#<month>  <at>#<message id>      sales whose phone could not be one
KEY#<hash>     K                         an API key
CUTOFFS        <version>, CURRENT        cut-offs; PASS the state of the pass that brings them over
LEASE#<lane>   L                         who sweeps a due partition
DNC#<hmac's first two>  <hmac>            a number on the do-not-call list; DNC/STATE when the list was last checked
SOURCES        <kind>                    since when a kind of source tells us things, and when it did last
SENT#<day>     <shard>|<channel>         messages that providers took on a local day, and what they cost
BUDGET#<day>   <journey>                 what messages cost; second_opinion: how often a reader outside was asked
PACE#<channel>  <minute>                 what was taken of a provider's pace
CIRCUIT#<channel>  C                     until when a provider in trouble is left alone
PID#<channel>  <provider's id>           our message behind a provider's own number
JIN#<journey>  <customer>#<run>          who is inside a journey
JOURNEY#<id>   V#<version>               a journey as people entered with it
               N#<version>#<shard>       what became of people in it
JOURNEYS       MODES                     for whom each journey is live
HALT           H                         the red button: provinces without marketing
TEMPLATE#<channel>  <id>                 a provider's latest word on one of its templates
QUOTA#<channel>  <day>                   what the provider says is left that day, and who asked for it
V#<code>       V                         a voucher and the orders that came with it
TILL#<order>   V                         the codes a till was told yes for on this order
VOUCHERS#<day>#<shard>  I#<code>, R#<code>   the vouchers that were issued and redeemed on a local day
PRODUCT#<sku>  P                         a product of the catalogue
SHELVES        NAMES                     the categories there are
SHELF#<category>  <margin>#<sku>         the products of a category, those that leave most first
PAIRS#<sku>    <shard>                   in how many orders a product was, and what else was in them
CREDIT#<day>   <shard>                   tickets that were first answered on a local day, and what was bought after them
CAMPAIGN#<id>  C                         a campaign: what it says to whom, how far it is; due by itself while it runs
               V                         its preview
               P#<customer>              who it was for: got its message, or belongs to the hold-out
               N#<shard>                 what became of its messages
CAMPAIGNS      <created>#<id>            all campaigns
ADS#<room>     <message>                 who waits for a batch of one advertising text; # the room, due by itself
ADCALL#<call>  C                         a batch for which the gateway was called
STAFF          AWAY                      who is away, until which day
BIRTHDAYS#<day>#<store>  <customer>      whose birthday it is, by the store that cares for them (forgotten after it)
PICKUPS#<store>  <order>                 an order that waits there to be picked up (forgotten after 30 days)
NOTE#<note>    N                         a note to somebody who works here; due by itself until it was sent
"""

from __future__ import annotations

from zlib import crc32

from shared.ports import Key

COUNT_SHARDS = 32
RANK_TOP = 10**15


def profile(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "P")


def cart(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "K")


OPEN_TASKS = ("OT#", "OT#~")
TASKS_DONE = ("DT#", "DT#~")


def task(task_id: str) -> Key:
    """An open task; its id begins with its customer's, as a message's does."""
    return Key(f"C#{task_id[:-20]}", f"OT#{task_id[-20:]}")


def task_done(task_id: str) -> Key:
    return Key(f"C#{task_id[:-20]}", f"DT#{task_id[-20:]}")


def task_list(store: str = "") -> str:
    """The partition of a store's tasks, or of everybody's."""
    return f"TASKS#{store}" if store else "TASKS"


def task_range(status: str) -> tuple[str, str]:
    """The first and the last sort key of the tasks with a status, in a list."""
    return f"{status}#", f"{status}#~"


def tasks_of(person_id: str) -> str:
    """The partition of somebody's own tasks."""
    return f"TASKS@{person_id}"


def task_rows(task_id: str, store: str, status: str, at: str, assignee: str = "") -> list[Key]:
    """Where a task stands in the lists: in everybody's, in its store's, and in that of who does it."""
    lists = dict.fromkeys((task_list(), task_list(store), *([tasks_of(assignee)] if assignee else ())))
    return [Key(pk, f"{status}#{at}#{task_id}") for pk in lists]


def staff_day(person_id: str, day: str) -> Key:
    """How many calls somebody has on a local day."""
    return Key(f"STAFF#{person_id}", f"D#{day}")


OPEN_APPOINTMENTS = ("OA#", "OA#~")


def appointment(appointment_id: str) -> Key:
    """An appointment that stands; its id begins with its customer's."""
    return Key(f"C#{appointment_id[:-20]}", f"OA#{appointment_id[-20:]}")


def appointment_over(appointment_id: str) -> Key:
    return Key(f"C#{appointment_id[:-20]}", f"DA#{appointment_id[-20:]}")


def appointments_in(store: str) -> str:
    """The partition of a store's appointments."""
    return f"APPOINTMENTS#{store}"


def appointment_row(store: str, starts_at: str, appointment_id: str) -> Key:
    return Key(appointments_in(store), f"{starts_at}#{appointment_id}")


def appointment_hour(store: str, hour: str) -> Key:
    """Whose places are taken in one hour of a store."""
    return Key(f"PLACES#{store}", hour)


OPEN_TICKETS = ("OS#", "OS#~")
TICKET_ID = 44
TICKET_LIST = "TICKETS"
DESK_SHARDS = 4


def ticket(ticket_id: str) -> Key:
    """An open or pending ticket; its id begins with its customer's, as a message's does."""
    return Key(f"C#{ticket_id[:-20]}", f"OS#{ticket_id[-20:]}")


def ticket_resolved(ticket_id: str) -> Key:
    return Key(f"C#{ticket_id[:-20]}", f"TS#{ticket_id[-20:]}")


def ticket_of(key: Key) -> str:
    """The ticket that is open under a key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") + key.sk.removeprefix("OS#") if key.sk.startswith("OS#") else ""


def ticket_thread(ticket_id: str) -> tuple[str, str]:
    """The first and the last sort key of what was said in a ticket."""
    return f"TM#{ticket_id[-20:]}#", f"TM#{ticket_id[-20:]}#~"


def ticket_message(ticket_id: str, at: str, number: int) -> Key:
    """`number` keeps what was said in one moment in order."""
    return Key(f"C#{ticket_id[:-20]}", f"TM#{ticket_id[-20:]}#{at}#{number:05d}")


def ticket_threads(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "TH")


def ticket_mark(customer_id: str, mark: str) -> Key:
    return Key(f"C#{customer_id}", f"TD#{mark}")


def ticket_list(*, queue: str = "", assignee: str | None = None) -> str:
    """The partition of everybody's tickets, of a queue's, or of a person's; "" as the person is nobody yet."""
    if assignee is not None:
        return f"{TICKET_LIST}@{assignee}"
    return f"{TICKET_LIST}#{queue}" if queue else TICKET_LIST


def staff_load(person_id: str) -> Key:
    return Key(f"STAFF#{person_id}", "L")


def desk_day(day: str, who: str, channel: str, ticket_id: str) -> Key:
    """Counters in shards, so that a rush on one channel does not collide on one row."""
    return Key(f"DESK#{day}", f"{who}|{channel}|{crc32(ticket_id.encode()) % DESK_SHARDS}")


def correction(at: str, ticket_id: str) -> Key:
    return Key(f"CORRECTIONS#{at[:7]}", f"{at}#{ticket_id}")


def order_row(customer_id: str, placed_at: str, order_id: str) -> Key:
    return Key(f"C#{customer_id}", f"O#{placed_at}#{order_id}")


ORDER_ROWS = ("O#", "O#~")


def timeline(customer_id: str, at: str, message_id: str) -> Key:
    return Key(f"C#{customer_id}", f"E#{at}#{message_id}")


TIMELINE = ("E#", "E#~")


def merge_record(customer_id: str, merge_id: str) -> Key:
    return Key(f"C#{customer_id}", f"M#{merge_id}")


def link(link_pk: str) -> Key:
    return Key(link_pk, "L")


ORDERS = "ORDER#"


def order(order_id: str) -> Key:
    return Key(f"{ORDERS}{order_id}", "O")


def order_vouchers(order_id: str) -> Key:
    return Key(f"TILL#{order_id}", "V")


def voucher(tight_code: str) -> Key:
    return Key(f"V#{tight_code}", "V")


VOUCHER_SHARDS = 4


def voucher_rows(day: str, shard: int) -> str:
    """The partition of what happened to vouchers on a local day, in shards for the morning of a large campaign."""
    return f"VOUCHERS#{day}#{shard}"


def voucher_row(day: str, kind: str, tight_code: str) -> Key:
    """`kind` is I for issued, R for redeemed."""
    return Key(voucher_rows(day, crc32(tight_code.encode()) % VOUCHER_SHARDS), f"{kind}#{tight_code}")


def message(message_id: str) -> Key:
    return Key(f"MSG#{message_id}", "M")


def member(label: str, customer_id: str) -> Key:
    return Key(f"S#{label}", customer_id)


def member_counts(customer_id: str) -> Key:
    """All labels in one item, so that a customer who moves between lists changes one counter row."""
    return Key("COUNTS", f"{crc32(customer_id.encode()) % COUNT_SHARDS:02d}")


def risk(value_at_risk: int, customer_id: str) -> Key:
    """The greater the value, the smaller the key: a plain query reads the ranking from the top."""
    return Key("RISK", f"{RANK_TOP - value_at_risk:016d}#{customer_id}")


def winback(day: str, rank: int) -> Key:
    return Key(f"WINBACK#{day}", f"{rank:05d}")


def day_total(day: str, store: str, channel: str, cashier: str, order_id: str) -> Key:
    """Sharded by order, so that a flash sale on one channel does not collide on one row."""
    parts = (part.replace("|", "/") for part in (store, channel, cashier))
    return Key(f"DAY#{day}", f"{'|'.join(parts)}|{crc32(order_id.encode()) % 4}")


def bad_phone(at: str, message_id: str) -> Key:
    return Key(f"BADPHONE#{at[:7]}", f"{at}#{message_id}")


def api_key(digest: str) -> Key:
    return Key(f"KEY#{digest}", "K")


CURRENT_CUTOFFS = Key("CUTOFFS", "CURRENT")
CUTOFFS_PASS = Key("CUTOFFS", "PASS")


def cutoffs(version: int) -> Key:
    return Key("CUTOFFS", f"{version:08d}")


def lease(partition: str) -> Key:
    return Key(f"LEASE#{partition}", "L")


MESSAGES = ("X#", "X#~")
POPUPS = ("OW#", "OW#~")


def message_item(message_id: str) -> Key:
    """A message's id begins with its customer's, so that a provider's callback finds it without an index."""
    return Key(f"C#{message_id[:-20]}", f"X#{message_id[-20:]}")


def message_of(key: Key) -> str:
    """The message id behind a key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") + key.sk.removeprefix("X#") if key.sk.startswith("X#") else ""


PAGE_COMMENTS = ("FC#", "FC#~")


def page_comment(ref: str) -> Key:
    """A comment by its author's id and 20 digits of its own."""
    return Key(f"C#{ref[:-20]}", f"FC#{ref[-20:]}")


def page_comment_of(key: Key) -> str:
    """The comment behind a key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") + key.sk.removeprefix("FC#") if key.sk.startswith("FC#") else ""


def contacts(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "W")


JOURNEY = "JOURNEY#"
INSIDE = "JIN#"
JOURNEY_MODES = Key("JOURNEYS", "MODES")


def journeys_of(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "OJ")


def journeys_whose(key: Key) -> str:
    """The customer whose journeys stand under a key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") if key.sk == "OJ" else ""


def journey_inside(journey: str, customer_id: str, run: str) -> Key:
    return Key(INSIDE + journey, f"{customer_id}#{run}")


def journey_version(journey: str, version: str) -> Key:
    return Key(JOURNEY + journey, f"V#{version}")


def journey_counts(journey: str, version: str, shard: int) -> Key:
    return Key(JOURNEY + journey, f"N#{version}#{shard:02d}")


DO_NOT_CALL_SHARDS = tuple(f"DNC#{number:02x}" for number in range(256))


def do_not_call(link_pk: str) -> Key:
    """A number on the do-not-call list, under the same HMAC as its link; in shards, so that the list can be read."""
    digest = link_pk.removeprefix("L#")
    return Key(f"DNC#{digest[:2]}", digest)


DO_NOT_CALL_STATE = Key("DNC", "STATE")
HALT = Key("HALT", "H")


def budget(day: str, journey: str) -> Key:
    return Key(f"BUDGET#{day}", journey)


SOURCES = "SOURCES"


def source(kind: str) -> Key:
    return Key(SOURCES, kind)


SENT_SHARDS = 8


def sent(day: str, channel: str, message_id: str) -> Key:
    """Counters in shards, so that a campaign's senders do not collide on one row."""
    return Key(f"SENT#{day}", f"{crc32(message_id.encode()) % SENT_SHARDS}|{channel}")


def pace(channel: str, minute: str) -> Key:
    return Key(f"PACE#{channel}", minute)


def circuit(channel: str) -> Key:
    return Key(f"CIRCUIT#{channel}", "C")


def provider_message(channel: str, provider_id: str) -> Key:
    return Key(f"PID#{channel}", provider_id)


def provider_template(channel: str, template: str) -> Key:
    return Key(f"TEMPLATE#{channel}", template)


def quota(channel: str, day: str) -> Key:
    return Key(f"QUOTA#{channel}", day)


def product(sku: str) -> Key:
    return Key(f"PRODUCT#{sku}", "P")


SHELVES = Key("SHELVES", "NAMES")


def shelf(category: str) -> str:
    return f"SHELF#{category}"


def on_shelf(category: str, margin: int, sku: str) -> Key:
    """Where a product stands in its category: the more a piece leaves (VND), the smaller the key."""
    return Key(shelf(category), f"{RANK_TOP - margin:016d}#{sku}")


PAIR_SHARDS = 4


def pairs(sku: str, shard: int) -> Key:
    return Key(f"PAIRS#{sku}", str(shard))


def pairs_of_order(sku: str, order_id: str) -> Key:
    """Sharded by order, so that a flash sale of one product does not collide on one row."""
    return pairs(sku, crc32(order_id.encode()) % PAIR_SHARDS)


def ticket_credit(ticket_id: str) -> Key:
    """What was credited to a ticket."""
    return Key(f"C#{ticket_id[:-20]}", f"TC#{ticket_id[-20:]}")


CREDIT_SHARDS = 4


def credit_day(day: str) -> str:
    return f"CREDIT#{day}"


def credit_of_day(day: str, ticket_id: str) -> Key:
    return Key(credit_day(day), str(crc32(ticket_id.encode()) % CREDIT_SHARDS))


CAMPAIGNS = "CAMPAIGNS"
CAMPAIGN_TALLIES = ("N#", "N#~")
TALLY_SHARDS = 16


def campaign(campaign_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", "C")


def campaign_of(key: Key) -> str:
    """The campaign behind its row's key, or "" for another kind of item."""
    return key.pk.removeprefix("CAMPAIGN#") if key.pk.startswith("CAMPAIGN#") and key.sk == "C" else ""


def campaign_in_list(created_at: str, campaign_id: str) -> Key:
    """Where a campaign stands in the list of all, by age."""
    return Key(CAMPAIGNS, f"{created_at}#{campaign_id}")


def campaign_preview(campaign_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", "V")


def campaign_person(campaign_id: str, customer_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", f"P#{customer_id}")


def campaign_tally(campaign_id: str, message_id: str) -> Key:
    """Counters in shards, so that senders at work on one campaign do not collide on one row."""
    return Key(f"CAMPAIGN#{campaign_id}", f"N#{crc32(message_id.encode()) % TALLY_SHARDS:02d}")


def ad_room(room: str) -> Key:
    """The room of an advertising text; `#` stands before every message's id."""
    return Key(f"ADS#{room}", "#")


def ad_waiting(room: str, message_id: str) -> Key:
    return Key(f"ADS#{room}", message_id)


def ad_call(call: str) -> Key:
    return Key(f"ADCALL#{call}", "C")


def ad_room_of(key: Key) -> str:
    """The room behind its row's key, or "" for another kind of item."""
    return key.pk.removeprefix("ADS#") if key.pk.startswith("ADS#") and key.sk == "#" else ""


def ad_batch_of(key: Key) -> str:
    """The batch whose reports are due, by its row's key, or "" for another kind of item."""
    return key.sk if key.pk == "PID#sms_ad" else ""


TIMER_SHARDS = 4


def timer_lane(name: str) -> str:
    """The partition of the timer lane that a row stands in, by its name."""
    return f"timer#{crc32(name.encode()) % TIMER_SHARDS}"


STAFF_AWAY = Key("STAFF", "AWAY")


def birthdays(day: str, store: str) -> str:
    """The partition of those whose birthday a local day is, in a store."""
    return f"BIRTHDAYS#{day}#{store}"


def birthday(day: str, store: str, customer_id: str) -> Key:
    return Key(birthdays(day, store), customer_id)


def pickups(store: str) -> str:
    """The partition of the orders that wait in a store."""
    return f"PICKUPS#{store}"


def pickup(store: str, order_id: str) -> Key:
    return Key(pickups(store), order_id)


def staff_note(note_id: str) -> Key:
    return Key(f"NOTE#{note_id}", "N")


def staff_note_of(key: Key) -> str:
    """The note behind its row's key, or "" for another kind of item."""
    return key.pk.removeprefix("NOTE#") if key.pk.startswith("NOTE#") else ""
