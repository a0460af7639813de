"""A page as the tests look at it."""

from html.parser import HTMLParser

VOID = {"meta", "rect", "line", "br", "circle", "path", "link", "input", "img"}


class Page(HTMLParser):
    """The tags of a page; fails where one is left open or closed out of order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]
