"""The gateways' own SDKs as clients of the gateways that the tests pay with, and as judges of what is signed.

Reads { gateway, step, … }; answers what the SDK made of it.
"""

import json
import sys


def stripe(question: dict) -> dict:
    import stripe

    client = stripe.StripeClient(
        question["key"], base_addresses={"api": question["origin"]}, max_network_retries=0
    )
    if question["step"] == "create":
        session = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "success_url": "https://shop.example.com/thanks",
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": "eur",
                            "unit_amount": 1099,
                            "product_data": {"name": "Pro plan"},
                        },
                    }
                ],
                "payment_intent_data": {"capture_method": "manual"},
            },
            {"idempotency_key": "sdk-create"},
        )
        again = client.v1.checkout.sessions.retrieve(session.id)
        return {"id": session.id, "same": again.id == session.id, "status": again.status, "amount": again.amount_total}
    if question["step"] == "settle":
        session = client.v1.checkout.sessions.retrieve(question["id"], {"expand": ["payment_intent.latest_charge"]})
        intent = client.v1.payment_intents.capture(session.payment_intent.id, {"amount_to_capture": 1000})
        refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 300})
        try:
            client.v1.refunds.create({"payment_intent": intent.id, "amount": 9000})
            refused = None
        except stripe.InvalidRequestError as error:
            refused = error.code
        listed = client.v1.refunds.list({"payment_intent": intent.id})
        return {
            "status": intent.status,
            "received": intent.amount_received,
            "refund": client.v1.refunds.retrieve(refund.id).status,
            "refunds": [row.amount for row in listed.data],
            "refused": refused,
        }
    events = [
        stripe.Webhook.construct_event(one["body"], one["headers"]["stripe-signature"], question["secret"]).type
        for one in question["deliveries"]
    ]
    refused = 0
    for one in question["deliveries"]:
        try:
            stripe.Webhook.construct_event(one["body"] + " ", one["headers"]["stripe-signature"], question["secret"])
        except stripe.SignatureVerificationError:
            refused += 1
    header = stripe.WebhookSignature._compute_signature(f"{question['now']}.{question['body']}", question["secret"])
    return {"events": events, "refused": refused, "header": f"t={question['now']},v1={header}"}


def razorpay(question: dict) -> dict:
    import razorpay

    client = razorpay.Client(auth=(question["key"], question["key_secret"]), base_url=question["origin"])
    if question["step"] == "create":
        order = client.order.create(
            {"amount": 49900, "currency": "INR", "receipt": "sdk-1", "payment": {"capture": "manual"}}
        )
        link = client.payment_link.create({"amount": 49900, "currency": "INR", "reference_id": "sdk-2"})
        try:
            client.payment_link.create({"amount": 49900, "currency": "INR", "reference_id": "sdk-2"})
            refused = None
        except razorpay.errors.BadRequestError as error:
            refused = str(error)
        return {"order": order["id"], "link": link["id"], "status": link["status"], "refused": refused}
    if question["step"] == "settle":
        [payment] = client.order.payments(question["order"])["items"]
        captured = client.payment.capture(payment["id"], payment["amount"], {"currency": "INR"})
        refund = client.payment.refund(payment["id"], 100)
        return {"before": payment["status"], "after": captured["status"], "refund": client.refund.fetch(refund["id"])["status"]}
    verified = [
        client.utility.verify_webhook_signature(one["body"], one["headers"]["x-razorpay-signature"], question["secret"])
        for one in question["deliveries"]
    ]
    returned = client.utility.verify_payment_link_signature(question["returned"])
    return {"verified": verified, "returned": returned}


def paypal(question: dict) -> dict:
    import paypalrestsdk
    from paypalrestsdk.notifications import WebhookEvent

    api = paypalrestsdk.Api(endpoint=question["origin"], client_id=question["key"], client_secret="planted_sdk")
    if question["step"] == "create":
        order = {
            "intent": "CAPTURE",
            "purchase_units": [{"amount": {"currency_code": "USD", "value": "10.99"}, "custom_id": "sdk"}],
        }
        made = api.post("v2/checkout/orders", order, {"PayPal-Request-Id": "sdk-create"})
        return {"id": made["id"], "status": api.get(f"v2/checkout/orders/{made['id']}")["status"]}
    if question["step"] == "settle":
        taken = api.post(f"v2/checkout/orders/{question['id']}/capture", {}, {"PayPal-Request-Id": "sdk-capture"})
        [capture] = taken["purchase_units"][0]["payments"]["captures"]
        part = {"amount": {"currency_code": "USD", "value": "3.00"}}
        refund = api.post(f"v2/payments/captures/{capture['id']}/refund", part, {"PayPal-Request-Id": "sdk-refund"})
        return {"status": taken["status"], "capture": capture["status"], "refund": refund["status"]}
    headers = question["delivery"]["headers"]
    return {
        "signed": WebhookEvent._get_expected_sig(
            headers["paypal-transmission-id"],
            headers["paypal-transmission-time"],
            question["webhook"],
            question["delivery"]["body"],
        )
    }


def payu(question: dict) -> dict:
    from payu_websdk import Client

    client = Client(question["key"], question["salt"], "TEST")
    return {
        "hash": client.generatePaymentHash(question["form"]),
        "answer": client.validateReverseHash(question["answer"]),
        "altered": client.validateReverseHash(question["answer"] | {"status": "success", "amount": "1.00"}),
    }


question = json.load(sys.stdin)
gateways = {"stripe": stripe, "razorpay": razorpay, "paypal": paypal, "payu": payu}
json.dump(gateways[question["gateway"]](question), sys.stdout)
