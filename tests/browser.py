"""The page in a real browser: what is done there, and what is waited for."""


def upload(page, path):
    page.set_input_files("input[type=file]", str(path))


def cards(page, count):
    """The text of the hits, once ``count`` are shown."""
    awaited(page, ".facts .score", count)
    return page.locator(".facts:has(.score)").all_inner_texts()


def awaited(page, selector, count):
    """Wait until there are so many of these, the ones in components included."""
    if count:
        page.wait_for_selector(f":nth-match({selector}, {count})", state="attached")
    page.wait_for_selector(f":nth-match({selector}, {count + 1})", state="detached")


def names(page):
    return page.locator(".facts .name").all_inner_texts()


def at_rest(page):
    """The text of all hits, once the page is at rest."""
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget], [data-stale=true]')")
    awaited(page, ".photos:not([data-pending='0'])", 0)
    page.wait_for_timeout(100)  # a component draws what it was sent a moment later
    return page.locator(".facts:has(.score)").all_inner_texts()
