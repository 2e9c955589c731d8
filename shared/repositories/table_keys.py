"""Table keys: one function per kind of item of the single table, by capability, with the entity chart below.

Columns: partition key, sort key, entity. "Tail of an id" is its last 20 characters; the rest is its customer's id,
so that the id alone gives the key. "Due": the item stands in the due index by itself. TTLs are in brackets.

Customers
  C#<customer>            P                           profile: traits, metrics, labels; due in the lifecycle lane
  C#<customer>            E#<at>#<message id>         timeline entry
  C#<customer>            M#<merge id>                merge record, on both sides
  C#<customer>            W                           contact ledger: when and how often messages were sent
  L#<hmac>                L                           link of one identity to its customer
  BIRTHDAYS#<day>#<store> <customer>                  birthdays of a day, by the customer's store (until it is over)
Events
  MSG#<message id>        M                           event already ingested, for deduplication (90 days)
  SOURCES                 <kind>                      first and latest event of a kind of source
  BADPHONE#<month>        <at>#<message id>           sales with an impossible phone number
Orders
  C#<customer>            K                           cart
  C#<customer>            O#<placed at>#<order>       order row: what one order adds to the customer's metrics
  ORDER#<order>           O                           the set of its facts; due: the open COD order of a walk-in
  DAY#<day>               <store>|<channel>|<cashier>  totals of one local day, by the stream
  PICKUPS#<store>         <order>                     order waiting in a store for pick-up (30 days)
Catalogue and recommendations
  PRODUCT#<sku>           P                           product
  SHELVES                 NAMES                       names of all categories
  SHELF#<category>        <margin>#<sku>              products of a category, highest margin first
  PAIRS#<sku>             N                           co-purchase counts: orders with the product, and its companions
Segments
  S#<label>               <customer>                  member of a segment
  COUNTS                  N                           members per segment, by the stream
  RISK                    <rank>#<customer>           churn risk, highest value first
  WINBACK#<day>           <rank>                      win-back list of one morning
  CUTOFFS                 <version>, CURRENT, PASS    value cut-offs; PASS is the state of the re-label pass
Vouchers
  V#<code>                V                           voucher with the orders it was redeemed on
  TILL#<order>            V                           codes accepted at the till for an order
  VOUCHERS#<day>#<shard>  I#<code>, R#<code>          vouchers issued and redeemed on a local day
Journeys
  C#<customer>            OJ                          journey runs of a customer; due
  JIN#<journey>           <customer>#<run>            customer in a journey
  JOURNEY#<id>            V#<version>                 journey definition at a version
  JOURNEY#<id>            N#<version>                 counters per version, by the stream
  JOURNEYS                MODES                       mode per journey
Messaging
  C#<customer>            X#<tail of message id>      message to the customer; due while open
  C#<customer>            OW#<message>                pop-up for the shop's own pages (14 days)
  PID#<channel>           <provider's id>             our message by the provider's id
  TEMPLATE#<channel>      <id>                        a provider's status of one template
  QUOTA#<channel>         <day>                       remaining quota of a day as the provider reports it
  PACE#<channel>          <minute>                    rate-limit tokens drawn in a minute
  CIRCUIT#<channel>       C                           circuit breaker: until when a provider is not called
  SENT#<day>              <channel>                   messages accepted by providers on a day, and their cost
  BUDGET#<day>            <journey>                   message cost; `second_opinion`, `content_help`: calls to models
  HALT                    H                           marketing halt, by province
  ADS#<room>              #, <message>                batch room of an advertising text (due); its messages
  ADCALL#<call>           C                           batch sent to the gateway
Campaigns
  CAMPAIGN#<id>           C                           campaign: content, audience, state; due while it runs
  CAMPAIGN#<id>           V                           preview
  CAMPAIGN#<id>           D#<request>                 drafts of its message by a model (90 days)
  CAMPAIGN#<id>           P#<customer>                customer targeted, or in the hold-out
  CAMPAIGN#<id>           N                           counters of its messages, by the stream
  CAMPAIGNS               <created>#<id>              list of all campaigns
Inbox
  C#<customer>            FC#<tail of comment id>     comment under the page's posts; due while open
  PROOF#<mark>            P                           proof of a short-code SMS, for whom it was used (5 days)
Tickets
  C#<customer>            OS#<tail of ticket id>      open or pending ticket; due
  C#<customer>            TS#<tail of ticket id>      resolved ticket
  C#<customer>  TM#<tail of ticket id>#<at>#<n>  entry of a ticket's thread
  C#<customer>            TC#<tail of ticket id>      revenue credited to a ticket
  C#<customer>            TH                          latest tickets by channel
  C#<customer>            TD#<hash>                   ticket message already received, for deduplication (90 days)
  TICKETS, TICKETS#<queue>, TICKETS@<person>  <status>#<urgency>#<ticket>  list of all, of a queue, of an assignee
  DESK#<day>              <who>|<channel>             tickets received, answered and resolved on a local day
  CORRECTIONS#<month>     <at>#<ticket>               labels corrected by agents, as training examples
  CREDIT#<day>            N                           revenue after the tickets first answered on a local day
Staff
  STAFF#<person>          D#<day>#<place>             call of an agent's local day (60 days)
  STAFF                   AWAY                        absences with their last day
  NOTE#<note>             N                           staff notification; due until sent
Tasks
  C#<customer>            OT#<tail of task id>        open task or review
  C#<customer>            DT#<tail of task id>        task that is done (90 days)
  TASKS, TASKS#<store>, TASKS@<person>  <status>#<at>#<task>  list of all, of a store, of an assignee
  C#<customer>            OA#<tail of appointment id> appointment
  C#<customer>            DA#<tail of appointment id> cancelled appointment (90 days)
  APPOINTMENTS#<store>    <starts at>#<id>            appointments of a store
  PLACES#<store>          <hour>                      places taken in one hour of a store
  DNC#<first two of hmac> <hmac>                      number on the do-not-call list
  DNC                     STATE                       when the list was last checked
Access and schedules
  VISIT#<token>           V                           customer who clicked a link of ours (15 minutes)
  KEY#<hash>              K                           API key
  KEYS                    <key id>                    where the key of this id stands, for lists
  LEASE#<partition>       L                           lease of the worker that sweeps a due partition
Reports
  KPI#<kpi>               <local day>                 a day's contributions to a KPI, by cut
  OUTCOME#<query>         <month>                     a month's outcomes of journeys and campaigns
  REPORTS                 STATE                       until when figures were computed; the frozen baseline
  SPEND#<month>           S#<day>#<purpose>#<channel>#<campaign>  money spent outside of us, as reported
Stream
  STREAM#<shard>          S                           what was read of a shard of the table's stream (7 days)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from zlib import crc32

from shared.ports import Key

RANK_TOP = 10**15


# --- Customers ---


def profile(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "P")


def link(link_pk: str) -> Key:
    return Key(link_pk, "L")


def merge_record(customer_id: str, merge_id: str) -> Key:
    return Key(f"C#{customer_id}", f"M#{merge_id}")


def timeline(customer_id: str, at: str, message_id: str) -> Key:
    return Key(f"C#{customer_id}", f"E#{at}#{message_id}")


TIMELINE = ("E#", "E#~")


def contacts(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "W")


def birthdays(day: str, store: str) -> str:
    """The partition of a store's customers with a birthday on a local day."""
    return f"BIRTHDAYS#{day}#{store}"


def birthday(day: str, store: str, customer_id: str) -> Key:
    return Key(birthdays(day, store), customer_id)


# --- Events ---


def seen_event(message_id: str) -> Key:
    return Key(f"MSG#{message_id}", "M")


def visitor_token(token: str) -> Key:
    return Key(f"VISIT#{token}", "V")


SOURCES = "SOURCES"


def source(kind: str) -> Key:
    return Key(SOURCES, kind)


def bad_phone(at: str, message_id: str) -> Key:
    return Key(f"BADPHONE#{at[:7]}", f"{at}#{message_id}")


# --- Orders ---


def cart(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "K")


def order_row(customer_id: str, placed_at: str, order_id: str) -> Key:
    return Key(f"C#{customer_id}", f"O#{placed_at}#{order_id}")


ORDER_ROWS = ("O#", "O#~")
ORDERS = "ORDER#"


def order(order_id: str) -> Key:
    return Key(f"{ORDERS}{order_id}", "O")


def day_totals(day: str) -> str:
    """The partition of the totals of a local day."""
    return f"DAY#{day}"


def day_total(day: str, store: str, channel: str, cashier: str) -> Key:
    parts = (part.replace("|", "/") for part in (store, channel, cashier))
    return Key(day_totals(day), "|".join(parts))


def pickups(store: str) -> str:
    """The partition of the orders waiting in a store for pick-up."""
    return f"PICKUPS#{store}"


def pickup(store: str, order_id: str) -> Key:
    return Key(pickups(store), order_id)


# --- Catalogue and recommendations ---


def product(sku: str) -> Key:
    return Key(f"PRODUCT#{sku}", "P")


SHELVES = Key("SHELVES", "NAMES")


def shelf(category: str) -> str:
    return f"SHELF#{category}"


def on_shelf(category: str, margin: int, sku: str) -> Key:
    """A product in the list of its category: the higher the margin of a piece (VND), the smaller the key."""
    return Key(shelf(category), f"{RANK_TOP - margin:016d}#{sku}")


def pairs(sku: str) -> Key:
    return Key(f"PAIRS#{sku}", "N")


# --- Segments ---

MEMBER_COUNTS = Key("COUNTS", "N")


def member(label: str, customer_id: str) -> Key:
    return Key(f"S#{label}", customer_id)


def risk(value_at_risk: int, customer_id: str) -> Key:
    """The greater the value, the smaller the key: a plain query reads the ranking from the top."""
    return Key("RISK", f"{RANK_TOP - value_at_risk:016d}#{customer_id}")


def winback(day: str, rank: int) -> Key:
    return Key(f"WINBACK#{day}", f"{rank:05d}")


CURRENT_CUTOFFS = Key("CUTOFFS", "CURRENT")
CUTOFFS_PASS = Key("CUTOFFS", "PASS")


def cutoffs(version: int) -> Key:
    return Key("CUTOFFS", f"{version:08d}")


# --- Vouchers ---

VOUCHER_SHARDS = 4


def voucher(tight_code: str) -> Key:
    return Key(f"V#{tight_code}", "V")


def order_vouchers(order_id: str) -> Key:
    return Key(f"TILL#{order_id}", "V")


def voucher_rows(day: str, shard: int) -> str:
    """The partition of the vouchers issued and redeemed on a local day, sharded for the morning of a large campaign."""
    return f"VOUCHERS#{day}#{shard}"


def voucher_row(day: str, kind: str, tight_code: str) -> Key:
    """`kind` is I for issued, R for redeemed."""
    return Key(voucher_rows(day, crc32(tight_code.encode()) % VOUCHER_SHARDS), f"{kind}#{tight_code}")


# --- Journeys ---

JOURNEY = "JOURNEY#"
INSIDE = "JIN#"
JOURNEY_MODES = Key("JOURNEYS", "MODES")


def journeys_of(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "OJ")


def journeys_whose(key: Key) -> str:
    """The customer of a journeys item, by its key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") if key.sk == "OJ" else ""


def journey_inside(journey: str, customer_id: str, run: str) -> Key:
    return Key(INSIDE + journey, f"{customer_id}#{run}")


def journey_version(journey: str, version: str) -> Key:
    return Key(JOURNEY + journey, f"V#{version}")


def journey_counts(journey: str, version: str) -> Key:
    return Key(JOURNEY + journey, f"N#{version}")


# --- Messaging ---

MESSAGES = ("X#", "X#~")
POPUPS = ("OW#", "OW#~")


def message(message_id: str) -> Key:
    """A message's id begins with its customer's, so that a provider's callback finds it without an index."""
    return Key(f"C#{message_id[:-20]}", f"X#{message_id[-20:]}")


def message_of(key: Key) -> str:
    """The message id behind a key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") + key.sk.removeprefix("X#") if key.sk.startswith("X#") else ""


def message_by_provider_id(channel: str, provider_id: str) -> Key:
    return Key(f"PID#{channel}", provider_id)


def provider_template(channel: str, template: str) -> Key:
    return Key(f"TEMPLATE#{channel}", template)


def quota(channel: str, day: str) -> Key:
    return Key(f"QUOTA#{channel}", day)


def pace(channel: str, minute: str) -> Key:
    return Key(f"PACE#{channel}", minute)


def circuit(channel: str) -> Key:
    return Key(f"CIRCUIT#{channel}", "C")


def sent_on(day: str) -> str:
    """The partition of the messages accepted by providers on a local day."""
    return f"SENT#{day}"


def sent(day: str, channel: str) -> Key:
    return Key(sent_on(day), channel)


def budget(day: str, journey: str) -> Key:
    return Key(f"BUDGET#{day}", journey)


HALT = Key("HALT", "H")


def ad_room(room: str) -> Key:
    """The batch room of an advertising text; `#` sorts before every message id."""
    return Key(f"ADS#{room}", "#")


def ad_waiting(room: str, message_id: str) -> Key:
    return Key(f"ADS#{room}", message_id)


def ad_room_of(key: Key) -> str:
    """The room behind its row's key, or "" for another kind of item."""
    return key.pk.removeprefix("ADS#") if key.pk.startswith("ADS#") and key.sk == "#" else ""


def ad_call(call: str) -> Key:
    return Key(f"ADCALL#{call}", "C")


def ad_batch_of(key: Key) -> str:
    """The batch whose reports are due, by its row's key, or "" for another kind of item."""
    return key.sk if key.pk == "PID#sms_ad" else ""


# --- Campaigns ---

CAMPAIGNS = "CAMPAIGNS"


def campaign(campaign_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", "C")


def campaign_of(key: Key) -> str:
    """The campaign behind its row's key, or "" for another kind of item."""
    return key.pk.removeprefix("CAMPAIGN#") if key.pk.startswith("CAMPAIGN#") and key.sk == "C" else ""


def campaign_in_list(created_at: str, campaign_id: str) -> Key:
    """A campaign in the list of all campaigns, by age."""
    return Key(CAMPAIGNS, f"{created_at}#{campaign_id}")


def campaign_preview(campaign_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", "V")


def campaign_drafts(campaign_id: str, request_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", f"D#{request_id}")


def campaign_person(campaign_id: str, customer_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", f"P#{customer_id}")


def campaign_tally(campaign_id: str) -> Key:
    return Key(f"CAMPAIGN#{campaign_id}", "N")


# --- Inbox ---

PAGE_COMMENTS = ("FC#", "FC#~")


def page_comment(ref: str) -> Key:
    """A comment by its author's id and 20 digits of its own."""
    return Key(f"C#{ref[:-20]}", f"FC#{ref[-20:]}")


def used_proof(mark: str) -> Key:
    return Key(f"PROOF#{mark}", "P")


def page_comment_of(key: Key) -> str:
    """The comment behind a key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") + key.sk.removeprefix("FC#") if key.sk.startswith("FC#") else ""


# --- Tickets ---

OPEN_TICKETS = ("OS#", "OS#~")
TICKETS_RESOLVED = ("TS#", "TS#~")
TICKET_ID = 44
TICKET_LIST = "TICKETS"


def ticket(ticket_id: str) -> Key:
    """An open or pending ticket; its id begins with its customer's, as a message's does."""
    return Key(f"C#{ticket_id[:-20]}", f"OS#{ticket_id[-20:]}")


def ticket_resolved(ticket_id: str) -> Key:
    return Key(f"C#{ticket_id[:-20]}", f"TS#{ticket_id[-20:]}")


def ticket_of(key: Key) -> str:
    """The open ticket behind a key, or "" for another kind of item."""
    return key.pk.removeprefix("C#") + key.sk.removeprefix("OS#") if key.sk.startswith("OS#") else ""


def ticket_thread(ticket_id: str) -> tuple[str, str]:
    """The first and the last sort key of a ticket's thread."""
    return f"TM#{ticket_id[-20:]}#", f"TM#{ticket_id[-20:]}#~"


def ticket_thread_message(ticket_id: str, at: str, number: int) -> Key:
    """`number` orders the entries of one moment."""
    return Key(f"C#{ticket_id[:-20]}", f"TM#{ticket_id[-20:]}#{at}#{number:05d}")


def ticket_threads(customer_id: str) -> Key:
    return Key(f"C#{customer_id}", "TH")


def ticket_mark(customer_id: str, mark: str) -> Key:
    return Key(f"C#{customer_id}", f"TD#{mark}")


def ticket_list(*, queue: str = "", assignee: str | None = None) -> str:
    """The partition of all tickets, of a queue's, or of an assignee's; "" as the assignee: not assigned yet."""
    if assignee is not None:
        return f"{TICKET_LIST}@{assignee}"
    return f"{TICKET_LIST}#{queue}" if queue else TICKET_LIST


def ticket_counters(day: str, who: str, channel: str) -> Key:
    return Key(f"DESK#{day}", f"{who}|{channel}")


def correction(at: str, ticket_id: str) -> Key:
    return Key(f"CORRECTIONS#{at[:7]}", f"{at}#{ticket_id}")


def ticket_credit(ticket_id: str) -> Key:
    """The revenue credited to a ticket."""
    return Key(f"C#{ticket_id[:-20]}", f"TC#{ticket_id[-20:]}")


def credit_of_day(day: str) -> Key:
    return Key(f"CREDIT#{day}", "N")


# --- Staff ---


STAFF_AWAY = Key("STAFF", "AWAY")


def call_places_of(person_id: str, day: str) -> tuple[str, str, str]:
    """The partition, the first and the last sort key of the calls an agent has on a local day."""
    return f"STAFF#{person_id}", f"D#{day}#", f"D#{day}#~"


def call_places(person_id: str, day: str) -> Iterator[Key]:
    """The places of an agent's local day for calls, in order."""
    return (Key(f"STAFF#{person_id}", f"D#{day}#{number:04d}") for number in count())


def staff_note(note_id: str) -> Key:
    return Key(f"NOTE#{note_id}", "N")


def staff_note_of(key: Key) -> str:
    """The note behind its row's key, or "" for another kind of item."""
    return key.pk.removeprefix("NOTE#") if key.pk.startswith("NOTE#") else ""


# --- Tasks ---

OPEN_TASKS = ("OT#", "OT#~")
TASKS_DONE = ("DT#", "DT#~")


def task(task_id: str) -> Key:
    """An open task; its id begins with its customer's, as a message's does."""
    return Key(f"C#{task_id[:-20]}", f"OT#{task_id[-20:]}")


def task_done(task_id: str) -> Key:
    return Key(f"C#{task_id[:-20]}", f"DT#{task_id[-20:]}")


def task_list(store: str = "") -> str:
    """The partition of a store's tasks, or of all tasks."""
    return f"TASKS#{store}" if store else "TASKS"


def task_range(status: str) -> tuple[str, str]:
    """The first and the last sort key of the tasks with a status, in a list."""
    return f"{status}#", f"{status}#~"


def tasks_of(person_id: str) -> str:
    """The partition of an assignee's tasks."""
    return f"TASKS@{person_id}"


def task_rows(task_id: str, store: str, status: str, at: str, assignee: str = "") -> list[Key]:
    """The keys of a task in the lists: of all tasks, of its store and of its assignee."""
    lists = dict.fromkeys((task_list(), task_list(store), *([tasks_of(assignee)] if assignee else ())))
    return [Key(pk, f"{status}#{at}#{task_id}") for pk in lists]


OPEN_APPOINTMENTS = ("OA#", "OA#~")


def appointment(appointment_id: str) -> Key:
    """An appointment that is not cancelled; its id begins with its customer's."""
    return Key(f"C#{appointment_id[:-20]}", f"OA#{appointment_id[-20:]}")


def appointment_over(appointment_id: str) -> Key:
    return Key(f"C#{appointment_id[:-20]}", f"DA#{appointment_id[-20:]}")


def appointments_in(store: str) -> str:
    """The partition of a store's appointments."""
    return f"APPOINTMENTS#{store}"


def appointment_row(store: str, starts_at: str, appointment_id: str) -> Key:
    return Key(appointments_in(store), f"{starts_at}#{appointment_id}")


def appointment_hour(store: str, hour: str) -> Key:
    """The places taken in one hour of a store."""
    return Key(f"PLACES#{store}", hour)


# What is open of a customer stands next to each other: appointments, journeys, tickets, tasks.
OPEN_ITEMS = (OPEN_APPOINTMENTS[0], OPEN_TASKS[1])

DO_NOT_CALL_SHARDS = tuple(f"DNC#{number:02x}" for number in range(256))


def do_not_call(link_pk: str) -> Key:
    """A number on the do-not-call list, under the same HMAC as its link; in shards, so that the list can be read."""
    digest = link_pk.removeprefix("L#")
    return Key(f"DNC#{digest[:2]}", digest)


DO_NOT_CALL_STATE = Key("DNC", "STATE")


# --- Access and schedules ---


def api_key(digest: str) -> Key:
    return Key(f"KEY#{digest}", "K")


KEYS = "KEYS"


def key_row(key_id: str) -> Key:
    return Key(KEYS, key_id)


def lease(partition: str) -> Key:
    return Key(f"LEASE#{partition}", "L")


TIMER_SHARDS = 4


def timer_lane(name: str) -> str:
    """The partition of the timer lane for a row, by the row's name."""
    return f"timer#{crc32(name.encode()) % TIMER_SHARDS}"


# --- Reports ---

REPORTS_STATE = Key("REPORTS", "STATE")


def kpi_day(kpi: str, day: str) -> Key:
    return Key(f"KPI#{kpi}", day)


def outcomes(query: str, month: str) -> Key:
    return Key(f"OUTCOME#{query}", month)


def spend(day: str, purpose: str, channel: str, campaign: str) -> Key:
    return Key(f"SPEND#{day[:7]}", f"S#{day}#{purpose}#{channel}#{campaign}")


# --- Stream ---

# What the stream of the table brings to `facts_stream`: these items of customers and orders, and reported spending.
STREAMED_PARTITIONS = ("C#", "ORDER#", "CAMPAIGN#", "SPEND#")
STREAMED_ITEMS = ("P", "OJ", "O", "K")
STREAMED_KINDS = ("X#", "OS#", "TS#", "OT#", "DT#", "E#", "P#", "S#")


def is_streamed(key: Key) -> bool:
    """Whether `facts_stream` reads the changes of an item, and with them the news that it carries."""
    return key.pk.startswith(STREAMED_PARTITIONS) and (key.sk in STREAMED_ITEMS or key.sk.startswith(STREAMED_KINDS))


def stream_progress(shard: str) -> Key:
    return Key(f"STREAM#{shard}", "S")
