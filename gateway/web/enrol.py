"""/enrol: reminds people that they have to set up a second factor, on their way from a login to where it leads."""

from aiohttp import web

from gateway.flows.decide.decisions import LiveLogin
from gateway.web.browser import see_other
from gateway.web.login_pages import LoginPages
from gateway.web.proving import ENROL_PATH


def routes(pages: LoginPages) -> list[web.RouteDef]:
    browser = pages.browser

    async def show(request: web.Request, live: LiveLogin) -> web.Response:
        way = await pages.ways.find(request.query.getall("j", []), request.query.getall("i", []))
        left, onwards = await pages.enrolment.left(live), way.form.address("/login")
        if left is None:
            return see_other(onwards)
        return browser.html.page("enrol.html", left=left, onwards=onwards, goal=way.form.goal)

    return [web.get(ENROL_PATH, browser.for_somebody(show))]
