"""X12: openings and clicks of proxies, scanners and impossible speed do not count; people's do."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.messaging.machine_opens import Limits, Touch, judge, swept

DELIVERED = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
LATER = DELIVERED + timedelta(hours=2)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
PEOPLE = {
    "iphone": IPHONE,
    "windows_chrome": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36",
    "outlook_desktop": "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Microsoft Outlook 16.0.17328; ms-outlook)",
    "thunderbird": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
    "zalo_browser": "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/130.0.6723.107 Mobile Safari/537.36 Zalo android/24110001 ZaloTheme/light ZaloLanguage/vi",
    "facebook_browser": f"{IPHONE} [FBAN/FBIOS;FBAV/489.0.0.32.98;FBBV/658222313;FBDV/iPhone14,5]",
    "coc_coc": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "coc_coc_browser/128.0.222 Chrome/122.0.6261.222 Safari/537.36",
    # A phone maker whose name begins like a crawler's.
    "cubot_phone": "Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
}
MACHINES = {
    "Mozilla/5.0": "apple_privacy",
    "": "no_user_agent",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)": "image_proxy",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": "image_proxy",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0": "gmail_prefetch",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SafeLinks/1.0": "security_scanner",
    "Microsoft Office Existence Discovery": "security_scanner",
    "BarracudaCentral/1.0": "security_scanner",
    "Mozilla/5.0 (compatible; Mimecast/1.0)": "security_scanner",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "program",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)": "program",
    "WhatsApp/2.23.20.0 A": "program",
    "TelegramBot (like TwitterBot)": "program",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/130.0.0.0 Safari/537.36": "program",
    "python-requests/2.32.3": "program",
    "curl/8.9.1": "program",
    "Go-http-client/2.0": "program",
    "okhttp/4.12.0": "program",
    "Java/17.0.2": "program",
}


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("kind", ["opened", "clicked"])
def test_x12_people_read_with_browsers_mail_programs_and_messengers(name, kind):
    assert not judge(Touch(kind, LATER, PEOPLE[name], "14.161.20.7"), delivered_at=DELIVERED).machine


@pytest.mark.parametrize("agent", MACHINES)
@pytest.mark.parametrize("kind", ["opened", "clicked"])
def test_x12_proxies_scanners_and_programs_are_known_by_their_user_agent(agent, kind):
    assert judge(Touch(kind, LATER, agent), delivered_at=DELIVERED) == (True, MACHINES[agent])


@pytest.mark.parametrize(
    ("kind", "seconds", "machine"),
    [
        ("opened", -30, True),
        ("opened", 0, True),
        ("opened", 9, True),
        ("opened", 10, False),
        ("clicked", 4, True),
        ("clicked", 5, False),
    ],
)
def test_x12_nobody_opens_or_clicks_in_the_moment_of_delivery(kind, seconds, machine):
    touch = Touch(kind, DELIVERED + timedelta(seconds=seconds), IPHONE)

    assert judge(touch, delivered_at=DELIVERED).machine is machine


def test_x12_without_a_known_delivery_the_clock_says_nothing():
    assert not judge(Touch("opened", DELIVERED, IPHONE), delivered_at=None).machine


def test_x12_the_window_is_a_setting():
    touch = Touch("opened", DELIVERED + timedelta(seconds=30), IPHONE)

    assert judge(touch, delivered_at=DELIVERED, limits=Limits(open_seconds=60)) == (True, "too_soon")


@pytest.mark.parametrize(("ip", "reason"), [("17.58.98.3", "apple_privacy"), ("66.249.84.10", "google_proxy")])
def test_x12_a_proxy_that_looks_like_a_browser_is_known_by_its_network(ip, reason):
    assert judge(Touch("opened", LATER, IPHONE, ip), delivered_at=DELIVERED) == (True, reason)


def test_x12_an_address_that_is_none_says_nothing():
    assert not judge(Touch("opened", LATER, IPHONE, "unknown"), delivered_at=DELIVERED).machine


def test_x12_a_head_request_is_no_click():
    assert judge(Touch("clicked", LATER, IPHONE, method="HEAD"), delivered_at=DELIVERED) == (True, "head_request")


LINKS = ["https://a", "https://b", "https://c"]


def clicks(*seconds: float, links=LINKS) -> list[Touch]:
    return [
        Touch("clicked", LATER + timedelta(seconds=at), IPHONE, link=link)
        for at, link in zip(seconds, links, strict=True)
    ]


def test_x12_all_links_within_seconds_are_a_scanner_whatever_it_calls_itself():
    assert swept(clicks(0, 1, 2), LINKS)
    assert swept(clicks(4, 0, 9.5), LINKS)


def test_x12_somebody_who_reads_takes_longer_or_leaves_a_link():
    assert not swept(clicks(0, 5, 40), LINKS)
    assert not swept(clicks(0, 1, 2, links=["https://a", "https://a", "https://b"]), LINKS)


def test_x12_both_of_two_links_prove_nothing():
    assert not swept(clicks(0, 1, links=LINKS[:2]), LINKS[:2])


def test_x12_a_person_who_clicked_before_the_scanner_does_not_hide_it():
    earlier = Touch("clicked", LATER - timedelta(hours=1), IPHONE, link="https://a")

    assert swept([earlier, *clicks(0, 1, 2)], LINKS)
