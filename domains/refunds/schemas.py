"""Arguments and results of the tools, as the model and the executor see them. Unknown fields are refused.

Amounts are in cents. What the desk's own books say is trusted; what a customer wrote is not.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

OurBooks: Final[Any] = Field(json_schema_extra={"x-trusted": True})
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Cents = Annotated[int, Field(ge=1, le=100_000_000)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"\S")]


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LookUpOrderArguments(Schema):
    order: Id


class Line(Schema):
    line: Id
    title: Annotated[str, Field(max_length=500)]
    amount: Annotated[int, Field(ge=0)]
    refunded: bool


class Invoice(Schema):
    """What a vendor bills us for because of this order, such as the way back of a parcel."""

    invoice: Id
    vendor: Id
    amount: Annotated[int, Field(ge=0)]
    paid: bool


class Order(Schema):
    order: Annotated[Id, OurBooks]
    customer: Annotated[str, Field(max_length=320), OurBooks]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), OurBooks]
    lines: Annotated[list[Line], Field(max_length=200), OurBooks]
    invoices: Annotated[list[Invoice], Field(max_length=200), OurBooks]
    note: Annotated[str, Field(max_length=20_000, description="What the customer wrote with the order.")]


class DraftReplyArguments(Schema):
    text: Annotated[str, StringConstraints(min_length=1, max_length=8000, pattern=r"\S")]
    refund_lines: Annotated[
        list[Id], Field(max_length=20, description="Lines of the order whose price is due back; may be empty.")
    ]
    pay_invoices: Annotated[
        list[Id], Field(max_length=20, description="Vendors' invoices of this order that are due; may be empty.")
    ]


class DraftReplyResult(DraftReplyArguments):
    revision: Annotated[int, Field(ge=1)]


class IssueRefundArguments(Schema):
    order: Id
    line: Annotated[Id, Field(description="By reference to the order, such as order#/lines/0/line.")]
    amount: Annotated[Cents, Field(description="In cents, by reference, such as order#/lines/0/amount.")]


class IssueRefundResult(IssueRefundArguments):
    refund: Id


class PayVendorArguments(Schema):
    invoice: Annotated[Id, Field(description="By reference, such as order#/invoices/0/invoice.")]
    vendor: Annotated[Id, Field(description="By reference, such as order#/invoices/0/vendor.")]
    amount: Annotated[Cents, Field(description="In cents, by reference, such as order#/invoices/0/amount.")]


class PayVendorResult(PayVendorArguments):
    payment: Id


class AskHumanArguments(Schema):
    question: Words
    why: Words
    options: Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=200)]], Field(max_length=5)] = []


class AskHumanResult(Schema):
    answer: Annotated[str, Field(max_length=20_000)]
