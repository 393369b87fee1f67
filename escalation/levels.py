"""A certificate in words: what is certified, on what evidence, what is missing for more, and why not more."""

from __future__ import annotations

from escalation.audit import MissRate, corrected
from escalation.betting import FIRES_AT, Evidence, clean_needed, risk_bound
from escalation.certificate import CANDIDATES, OPENING, Certificate


def describe(certificate: Certificate, missed: MissRate | None = None) -> tuple[str, ...]:
    """Sentences for a person. `missed`: what planted errors say reviewers overlook; None when none were planted."""
    return (_in_force(certificate, missed), *_next_step(certificate), _reviewers(missed))


def in_short(certificate: Certificate, missed: MissRate | None = None) -> tuple[str, str]:
    """(evidence, what it takes to do more), each a phrase for a table."""
    return _evidence(certificate, missed), _missing(certificate)


def _evidence(certificate: Certificate, missed: MissRate | None) -> str:
    if certificate.level is None:
        return f"nothing certified; {_counts(certificate.evidence[_next_index(certificate)])}"
    bound = corrected(min(certificate.alpha, risk_bound(certificate.evidence[certificate.level])), missed)
    return f"alone up to {certificate.threshold:.2f}: wrong in ≤ {bound:.1%} of that (95 %)"


def _missing(certificate: Certificate) -> str:
    if certificate.first is None:
        needed = clean_needed(Evidence(), certificate.alpha)
        return (
            f"{OPENING - certificate.seen} more decisions show where to begin, then {needed} right in a row "
            f"for ≤ {certificate.alpha:.0%}"
        )
    if (index := _next_index(certificate)) == len(CANDIDATES):
        return "no higher threshold is left"
    needed = clean_needed(certificate.evidence[index], certificate.alpha)
    if needed is None:
        return "out of reach for this behaviour version"
    return f"{needed} more right in a row that score at most {CANDIDATES[index]:.2f}, for ≤ {certificate.alpha:.0%}"


def _next_index(certificate: Certificate) -> int:
    """Of the candidate that would be certified next; one past the last when there is none."""
    return (certificate.first or 0) if certificate.level is None else certificate.level + 1


def _in_force(certificate: Certificate, missed: MissRate | None) -> str:
    if certificate.level is None or certificate.threshold is None:
        return "Nothing is certified: every score asks."
    evidence = certificate.evidence[certificate.level]
    bound = corrected(min(certificate.alpha, risk_bound(evidence)), missed)
    return (
        f"Acts alone up to a score of {certificate.threshold:.2f}. The silent-failure rate there is at most "
        f"{bound:.1%}, with 95 % confidence however often one looks ({_counts(evidence)})."
    )


def _next_step(certificate: Certificate) -> tuple[str, ...]:
    if certificate.first is None:
        needed = clean_needed(Evidence(), certificate.alpha)
        return (
            f"The first {OPENING} scores choose where certification begins, and {certificate.seen} are in; {needed} "
            f"right in a row then bound its rate of errors by {certificate.alpha:.0%}.",
        )
    index = _next_index(certificate)
    if index == len(CANDIDATES):
        return ("No higher candidate is left.",)
    evidence = certificate.evidence[index]
    step = (
        f"Next, up to {CANDIDATES[index]:.2f}: evidence {evidence.wealth:.3g} of {FIRES_AT:.0f} ({_counts(evidence)})."
    )
    return step, _why_not(evidence, certificate.alpha)


def _why_not(evidence: Evidence, alpha: float) -> str:
    needed = clean_needed(evidence, alpha)
    missing = (
        "it is out of reach for this behaviour version" if needed is None else f"{needed} more clean outcomes would do"
    )
    if evidence.clean + evidence.lost == 0:
        return f"Not yet, because nothing that scored so low was judged; {missing}."
    bound = f"its rate is bounded by {risk_bound(evidence):.1%}, and the limit is {alpha:.0%}"
    if evidence.rate >= alpha:
        return f"Not yet, because {evidence.rate:.1%} of it was wrong or unclear: {bound}; {missing}."
    return f"Not yet, because the evidence is thin: {bound}; {missing}."


def _counts(evidence: Evidence) -> str:
    """Weights, not numbers of outcomes: once something runs alone, what was sure to be labelled counts for less."""
    if evidence.clean.is_integer() and evidence.lost.is_integer():
        return f"{evidence.clean:.0f} clean, {evidence.lost:.0f} wrong or unclear"
    return f"{evidence.clean:.1f} clean, {evidence.lost:.1f} wrong or unclear, weighted by how they came to be labelled"


def _reviewers(missed: MissRate | None) -> str:
    if missed is None or missed.planted == 0:
        return "No errors were planted, so these bounds assume that reviewers miss none."
    return (
        f"Reviewers missed {missed.missed} of {missed.planted} planted errors (at most {missed.interval.high:.0%}); "
        "the bound in force is raised for that, and the two 95 % statements hold together with at least 90 %."
    )
