"""The stages the plan is built for, and what differs between them."""

from __future__ import annotations

from dataclasses import dataclass

REGION = "ap-southeast-1"


class UnknownStageError(ValueError):
    """A stage nobody planned."""


@dataclass(frozen=True)
class Stage:
    """One isolated copy of everything; its name stands in every name that humans type."""

    name: str
    # Data outlives its stack, and neither can be deleted by a slip.
    keeps_data: bool
    # Point-in-time recovery; never above 14, because an erased customer must be out of every backup by then.
    backup_days: int
    log_days: int
    # What the shop has verified with AWS and may send by; empty: not this way.
    mail_domain: str = ""
    # Where customers may write e-mails to: a domain, or one address, whose MX leads to SES in this region.
    inbound_mail: str = ""
    sms_sender: str = ""
    whatsapp_number: str = ""
    # Models of Bedrock, each a foundation model of this region or a system-defined inference profile ("apac.…",
    # "global.…"): the one that is asked for a second opinion, and the one that drafts messages; empty: nobody is.
    second_opinion_model: str = ""
    content_help_model: str = ""
    # Where the inference profiles named above may send what they are asked ("models at a glance" of Bedrock's guide).
    profile_regions: tuple[str, ...] = ()

    def named(self, what: str) -> str:
        """The physical name of something in this stage."""
        return f"kq-{self.name}-{what}"


STAGES = {
    stage.name: stage
    for stage in (
        Stage("dev", keeps_data=False, backup_days=1, log_days=7),
        Stage("staging", keeps_data=False, backup_days=7, log_days=30),
        Stage("prod", keeps_data=True, backup_days=14, log_days=90),
    )
}


def stage_named(name: str | None) -> Stage:
    """The stage of that name; raises UnknownStageError with what to type instead."""
    if name not in STAGES:
        problem = f"there is no stage {name!r}" if name else "no stage was given"
        raise UnknownStageError(f"{problem}; say -c stage= with one of: {', '.join(STAGES)}")
    return STAGES[name]
