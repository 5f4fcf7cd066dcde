//! Names whose forms in the three languages do not follow from each other's sound: countries and their people, cities,
//! organisations, powers, faiths, planets. Data only; [`super::known`] reads it.
//!
//! One entry a line: English / Ukrainian / Korean, forms divided by spaces, `_` for a space inside a form.
//! English forms are whole words; Ukrainian forms are beginnings of words, whole words where a full stop ends them, or
//! stems that only endings of nouns may follow where a hyphen ends them;
//! Korean forms are beginnings of written words.
//! A capital in a Ukrainian form is required. `~` marks a form that only counts where its partner was found in the
//! other text, since it means other things too; `^` marks an older spelling that newsrooms have given up. A line that
//! begins with `?` is a continent, an institution or a country that news name or leave out as they like.

#[rustfmt::skip]
pub(super) const TABLE: &str = "\
?US U_S USA U_S_A America American Americans United_States ~States ~Washington / США. сполучен_штат америк афроамерик ~штат ~вашингтон / 미국 ~아메리카 ~미 ~美 ~워싱턴 ~주립 ~주
?UK U_K Britain British Briton Britons United_Kingdom Great_Britain ~England ~English ~Brits ~Brit / британі британ британц великобритан сполучен_королівств ~англі / 영국 ~브리튼 ~영 ~브리티시 ~잉글 ~英 ~대영
England English ~British ~Britain ~Anglo / англі ~британ ~великобритан / 잉글랜드 영어 ~영국 ~영 ~잉글리시 ~앵글로
Scotland Scottish Scots Scot ~Scotch / шотланд / 스코틀랜드 스코티시 ~스코틀 ~스코트 ~스카치
Wales Welsh / уельс валлій вельс / 웨일스 웨일즈 ~웰시 ~웰스
Ireland Irish ~Island ~Islands ~Isle / ірланд ~остр ~айленд / 아일랜드 ~아이리시 ~아이리쉬 ~아일
Germany German Germans ~Germanic / німеч німец німц німк ~герман ~ФРН ~НДР / 독일 ~저먼 ~도이치 ~게르만 ~獨 ~독
France French Frenchman / франц / 프랑스 ~불어 ~프렌치 ~佛 ~불
Spain Spanish Spaniard Spaniards ~Hispanic / Іспані іспанськ іспанец іспанц / 스페인 에스파냐 ~스패니시 ~서반아
Italy Italian Italians / італі / 이탈리아 이태리 ~이탈리안
Portugal Portuguese / португал / 포르투갈
Netherlands Dutch ~Holland / нідерланд голланд / 네덜란드 ~더치 ~홀란드
Belgium Belgian Belgians / бельгі / 벨기에
Switzerland Swiss / швейцар / 스위스
Austria Austrian Austrians / австрі / 오스트리아
Poland Polish Poles ~Pole / Польщ польськ поляки. поляків. полякам. поляками. поляк. поляка. поляку. поляком. / 폴란드
Czechia Czech Czechs Czech_Republic ~Czechoslovakia / чех чесь / 체코
Slovakia Slovak Slovaks / словач словац словак / 슬로바키아
Hungary Hungarian Hungarians / угорщ угорс угорц / 헝가리
Romania Romanian Romanians / Румун румуни. румунів. румунам. румунськ / 루마니아
Bulgaria Bulgarian Bulgarians / Болгар болгари. болгарів. болгарськ / 불가리아
Greece Greek Greeks ~Grecian ~Hellenic / Греці греки. греків. грекам. греками. грек. грека. грецьк ~еллін / 그리스 희랍 ~그릭
Turkey Turkish Turk Turks Türkiye ~Ottoman / туреч турец турки. турків. туркам. турками. Турк- ~османськ / 터키 튀르키예 ~투르크 ~터키쉬
Croatia Croatian Croat Croats / хорват / 크로아티아
Serbia Serbian Serb Serbs / Сербі серби. сербів. сербам. сербами. серб. серба. сербськ / 세르비아
Slovenia Slovenian Slovene / Словені словенськ словенц словенец / 슬로베니아
Bosnia Bosnian Bosnians / босні / 보스니아
Montenegro Montenegrin / чорногор / 몬테네그로
Kosovo Kosovar Kosovan / Косов- косовськ косовар / 코소보
Albania Albanian Albanians / албан / 알바니아
Macedonia Macedonian Macedonians North_Macedonia ~Great / македон / 마케도니아 ~대왕
Sweden Swedish Swede Swedes / Швеці шведи. шведів. шведам. шведськ швед. шведка / 스웨덴
Norway Norwegian Norwegians / Норвегі норвезьк норвежц норвежец / 노르웨이
Denmark Danish Dane Danes / Данія. Данії. Данію. Данією. данськ датськ данц данець. / 덴마크 ~데니쉬
Finland Finnish Finn Finns / фінлянд фінськ фіни. фінів. фінн / 핀란드
Iceland Icelandic Icelander / ісланд / 아이슬란드
Estonia Estonian Estonians / естон / 에스토니아
Latvia Latvian Latvians / Латві латвійс латвієц латиськ латиш / 라트비아
Lithuania Lithuanian Lithuanians / Литв литовськ литовц литовец / 리투아니아
Belarus Belarusian Belarusians ^Belarussian ^Byelorussia / білорус / 벨라루스
Ukraine Ukrainian Ukrainians / україн / 우크라이나
Russia Russian Russians ~Russo ~Moscow ~Kremlin / росія росії росію росіє росіян російс РФ. ~рос / 러시아 ~노어 ~러 ~露
USSR U_S_S_R Soviet Soviets Soviet_Union / СРСР радянськ ~совєт ~совєц / 소련 소비에트 구소련
Moldova Moldovan Moldovans / молдов молдав / 몰도바
Georgia Georgian Georgians / грузі грузин джорджі / 조지아 ~그루지야
Armenia Armenian Armenians / вірмен / 아르메니아
Azerbaijan Azerbaijani Azeri / азербайдж / 아제르바이잔
Kazakhstan Kazakh Kazakhs / казах / 카자흐
Uzbekistan Uzbek Uzbeks / узбек / 우즈베
Kyrgyzstan Kyrgyz / киргиз / 키르기스 ~키르기즈
Tajikistan Tajik / таджи / 타지키스탄 타지크
Turkmenistan Turkmen / туркмен / 투르크메
China Chinese ~Sino ~Beijing ~Mandarin / китай китаї китаю китає ~кнр КНР. ~піднебесн ~пекін ~мандарин / 중국 ~차이나 ~중 ~차이니즈 ~中 ~만다린
Mandarin Cantonese ~Chinese / мандарин кантон ~кита / 만다린 ~중국 ~북경
Taiwan Taiwanese / тайван / 대만 타이완
Hong_Kong / гонконг гонконґ / 홍콩
Macau Macao / макао / 마카오
Tibet Tibetan Tibetans / тибет / 티베트
Japan Japanese / япон ~нихон / 일본 ~일어 ~재팬 ~일 ~日
North_Korea North_Korean North_Koreans DPRK ~Korea ~Korean / північн_коре північнокоре КНДР. ~корей ~корея ~кореї ~корею ~пхеньян / 북한 ~조선 ~북 ~北
South_Korea South_Korean South_Koreans ROK ~Korea ~Korean / південн_коре південнокоре республік_коре ~корей ~корея ~кореї ~корею / 한국 대한민국 남한 ~남 ~한 ~우리나라 ~국내 ~韓
Korea Korean Koreans / корея кореї корею корей кореє / 한국 한반도 한글 한인 ~조선 ~코리아 ~북한 ~남북 ~한 ~대한 ~국어 ~남한 ~고려
Mongolia Mongolian Mongol Mongols / Монголі монголи. монголів. монголам. монгольськ монгол. / 몽골 몽고
India Indian Indians ~Native ~Hindu ~Hindi / індійс індійц Індія. Індії. Індію. Індією. індієц ~індус ~інд ~корінн / ~인도 ~인디언 ~인디 ~인디아 ~아메리카_원주민 ~원주민
Indonesia Indonesian Indonesians / індонез / 인도네시아 인니
Pakistan Pakistani Pakistanis / пакистан / 파키스탄
Bangladesh Bangladeshi / бангладеш / 방글라데시
Nepal Nepalese Nepali / Непал- непальськ непальц / 네팔
Bhutan / Бутан- бутанськ / 부탄
Sri_Lanka Sri_Lankan / шрі_ланк ланкій / 스리랑카
Maldives / мальдів / 몰디브
Myanmar Burma Burmese / мʼянм м'янм м’янм бірманськ Бірма. Бірми. Бірму. Бірмі. / 미얀마 버마
Thailand Thai Thais / таїланд тайськ тайц ~тай / 태국 ~타이
Vietnam Vietnamese / вʼєтнам в'єтнам в’єтнам / 베트남 ~월남
Cambodia Cambodian Cambodians ~Khmer / камбодж кхмер / 캄보디아 ~크메르
Laos Lao Laotian / лаос / 라오스
Malaysia Malaysian Malay / малайз малай / 말레이
Singapore Singaporean / сінгапур сінґапур / 싱가포르 싱가폴
Philippines Philippine Filipino Filipinos / філіппін філіпін / 필리핀
Brunei / бруней / 브루나이
Australia Australian Australians Aussie / австралі / 호주 오스트레일리아 ~濠
New_Zealand New_Zealander / новозеланд нов_зеланд / 뉴질랜드
Papua / папуа / 파푸아
Fiji / фіджі / ~피지
Samoa Samoan / Самоа. самоансь самоанц / 사모아
Canada Canadian Canadians / канад / 캐나다 ~캐네디언
Mexico Mexican Mexicans / мексик мехіко / 멕시코 ~멕시칸
Guatemala Guatemalan / гватемал / 과테말라
Honduras Honduran / гондурас / 온두라스
Salvador Salvadoran / сальвадор / 살바도르 엘살바도르
Nicaragua Nicaraguan / нікарагуа / 니카라과
Costa_Rica Costa_Rican / коста_рик / 코스타리카
Panama Panamanian / Панама. Панами. Панамі. Панаму. панамськ / 파나마
Cuba Cuban Cubans / Куба. Куби. Кубі. Кубу. Кубою. кубинськ кубинц кубинец / 쿠바
Jamaica Jamaican / ямай / 자메이카
Haiti Haitian / гаїт гаїті / 아이티
Dominican / домінікан / 도미니카
Puerto_Rico Puerto_Rican / пуерто_рик / 푸에르토리코
Trinidad / тринідад / 트리니다드
Brazil Brazilian Brazilians / бразил / 브라질 ~브라질리언
Argentina Argentine Argentinian Argentines / аргентин / 아르헨티나
Chile Chilean Chileans / Чилі. чилійс чилійц / 칠레
Peru Peruvian / Перу перуан / 페루
Colombia Colombian Colombians / колумбі / 콜롬비아
Venezuela Venezuelan Venezuelans / венесуел / 베네수엘라
Ecuador Ecuadorian / еквадор / 에콰도르
Bolivia Bolivian / болівія болівій болівії болівію / 볼리비아
Paraguay / парагва / 파라과이
Uruguay Uruguayan / уругва / 우루과이
Guyana / гаян / 가이아나
Egypt Egyptian Egyptians / єгип / 이집트 ~애굽
Libya Libyan / Лівія. Лівії. Лівію. Лівією. лівійс / 리비아
Tunisia Tunisian Tunis / туніс / 튀니지 튀니스
Algeria Algerian / алжир / 알제리 알제
Morocco Moroccan / Марокко. мароккан / 모로코
Sudan Sudanese / судан / ~수단 남수단
Ethiopia Ethiopian / ефіоп / 에티오피아 이디오피아
Eritrea Eritrean / еритре / 에리트레아
Somalia Somali Somalian / сомал / 소말리
Kenya Kenyan Kenyans / Кенія. Кенії. Кенію. Кенією. кенійс / 케냐
Uganda Ugandan / уганд / 우간다
Tanzania Tanzanian / танзан / 탄자니아
Rwanda Rwandan / руанд / 르완다
Burundi / бурунді / 부룬디
Congo Congolese / конго / 콩고
Nigeria Nigerian / нігері / 나이지리아
Niger / нігер Нігер / 니제르
Ghana Ghanaian / Гана. Гани. Гані. Гану. ганськ / ~가나
Senegal / сенегал / 세네갈
Mali Malian / малійськ ~Малі. / ~말리
Chad / Чад. Чаду. Чаді. чадськ / ~차드
Cameroon Cameroonian / камерун / 카메룬
Angola Angolan / ангол анґол / 앙골라
Mozambique / мозамбі / 모잠비크
Zambia Zambian / замбі / 잠비아
Zimbabwe Zimbabwean / зімбабв / 짐바브웨
South_Africa South_African South_Africans ~Africa ~African / південноафрик південн_африк ПАР ~африк / 남아공 남아프리카 ~아프리카
Madagascar / мадагаскар / 마다가스카르
Mauritius / маврикі / 모리셔스
Liberia Liberian / ліберія ліберій ліберії / 라이베리아
Guinea / гвіне / 기니
Ivory_Coast / кот_д ~слонов / 코트디부아르
Burkina_Faso / буркін / 부르키나
Israel Israeli Israelis ~Israelite ~Israelites / ізраїл / 이스라엘
Palestine Palestinian Palestinians / палестин / 팔레스타인
Gaza / Газа. Газі. Газу. Гази. Газою. ~газ / 가자지구 가자_지구 ~가자
Lebanon Lebanese / ліван / 레바논
Syria Syrian Syrians / Сирія. Сирії. Сирію. Сирією. сирійс / 시리아
Jordan Jordanian / Йордан йорданськ Джордан- / 요르단 조던
Iraq Iraqi Iraqis / ірак / 이라크
Iran Iranian Iranians ~Persia ~Persian / іран ~перс / 이란 ~페르시아
Persia Persian Persians / персія персії персію перськ ~перс / 페르시아
Kuwait Kuwaiti / кувейт / 쿠웨이트
Saudi Saudis Saudi_Arabia / саудів ~арав / 사우디
Qatar Qatari / Катар- катарськ катарц / 카타르
Emirates UAE / емірат ОАЕ / 아랍에미리트 ~에미리트 ~에미레이트
Oman Omani / Оман. Оману. Омані. оманськ / ~오만
Yemen Yemeni / ємен / 예멘
Afghanistan Afghan Afghans / афган / 아프가니스탄 아프간
Arab Arabs Arabic Arabian Arabia / араби. арабів. арабам. арабами. араб. араба. Араб арабськ аравій / 아랍 아라비아
Kurdish Kurds Kurd Kurdistan / курди. курдів. курдам. курдами. курд. курда. курдськ курдист / 쿠르드
Cyprus Cypriot Cypriots / Кіпр- кіпрськ кіпріот / 키프로스 사이프러스
Malta Maltese / Мальта. Мальти. Мальті. Мальту. мальтійс / 몰타
Monaco / монако / 모나코
Vatican / ватикан / 바티칸 교황청
?Europe European Europeans ~euro ~euros / європ євро / 유럽 ~유로 ~서구
?Asia Asian Asians / азія азії азію азіат азіє / 아시아 ~동양 ~아시안
?Africa African Africans / африк ~афро / 아프리카 ~아프리칸
?Antarctica Antarctic / антаркти / 남극 ~앤타티카
?Arctic ~North_Pole ~Pole / аркти ~північн_полюс ~льодовит / 북극 ~아틱
Atlantic / атланти / 대서양 ~애틀랜틱 ~아틀란틱
Pacific / тих_океан тихоокеан / 태평양 ~퍼시픽
Mediterranean / середземн / 지중해
Caribbean / карибськ Кариб / 카리브 캐리비안
Baltic / балт балті / 발트 ~발틱
Balkans Balkan / балкан / 발칸
Siberia Siberian / сибір / 시베리아 ~시베리안
Crimea Crimean / Крим. Криму. Кримі. Кримом. кримськ / 크림 ^크리미아 크름
Donbas ^Donbass / донбас / 돈바스
Middle_East Middle_Eastern Mideast / близьк_сх близькосх ~близьк / 중동
Hawaii Hawaiian / гавай / 하와이
Alps Alpine / Альпи. Альп. Альпах. Альпам. альпійськ / 알프스
Himalayas Himalayan / гімала / 히말라야
Danube / дунай дуна / 다뉴브 도나우
Nile / Ніл / 나일강 나일_강 ~나일
Kyiv ^Kiev Kyivan ^Kievan / київ києв киян ~кия / 키이우 ^키예프
Kharkiv ^Kharkov / Харк харківс харків’ян харків'ян / 하르키우 ^하르키프 ^하리코프
Odesa ^Odessa / Одес одесит одеськ / 오데사
Lviv ^Lvov / львів львов / 르비우 리비우 ^르보프
Dnipro ^Dnepr ^Dnieper ^Dnepropetrovsk / дніпр / 드니프로 ^드네프르
Zaporizhzhia Zaporizhzhya ^Zaporozhye / запоріж / 자포리자 ^자포로제
Mykolaiv ^Nikolaev ^Nikolayev / миколаїв миколаєв / 미콜라이우 ^니콜라예프
Chernihiv ^Chernigov / черніг / 체르니히우 ^체르니고프
Chornobyl Chernobyl / чорнобил / 체르노빌 초르노빌
Luhansk ^Lugansk / луган / 루한스크 ^루간스크
Kherson / херсон / 헤르손
Donetsk / донецьк / 도네츠크
Rivne ^Rovno / Рівне. Рівного. Рівному. рівненськ / 리우네
Vinnytsia ^Vinnitsa / вінниц / 빈니차
Ternopil ^Ternopol / терноп / 테르노필
Khmelnytskyi ^Khmelnitsky / хмельницьк / 흐멜니츠키
Moscow ~Muscovite ~Russia ~Russian / москв москов ~росі ~рос / 모스크바 ~러시아
?Kremlin / кремл ~росі ~москв ~москов / 크렘린 ~러시아_정부
Petersburg ~Leningrad / петербу ленінград / 상트페테르부르크 페테르부르크 ~레닌그라드
Warsaw / варшав / 바르샤바
Krakow Cracow / краків краков / 크라쿠프
Vienna Viennese / відень відня. відні. відню. віднем. віденськ / 비엔나 ~빈
Prague / Прага. Праги. Празі. Прагу. Прагою. празьк / 프라하
Rome Roman Romans / Рим. Рима. Риму. Римі. Римом. римськ римлян / 로마
Athens Athenian / Афін афінян афінськ / 아테네 ~아테나
Sparta Spartan / Спарта. Спарти. Спарті. Спарту. спартан / 스파르타
Troy Trojan / Троя. Трої. Трою. троянськ троянці троянців / 트로이
Paris Parisian / париж паризьк / 파리
Lisbon / лісабон лісабо / 리스본
Brussels / брюссел ~ЄС / 브뤼셀
Hague / Гааг гаазьк / 헤이그
Geneva / женев / 제네바
Munich / мюнхен / 뮌헨
Cologne / Кельн- кельнськ Кьольн- кьольнськ / 쾰른
Venice Venetian / венеці / 베네치아 베니스
Florence Florentine / флоренц флорент / 피렌체 플로렌스
Naples / неапол / 나폴리 ~네이플스
Milan / мілан / 밀라노 밀란
Belgrade / белград / 베오그라드
Bucharest / бухарест / 부쿠레슈티
Copenhagen / копенгаген / 코펜하겐
Beijing Peking ~China ~Chinese / пекін ~кита / 베이징 북경 ~중국
Shanghai / шанхай / 상하이 ~상해
Guangzhou Canton / гуанчжоу ~кантон / 광저우
Tokyo / токіо токій / 도쿄 ~동경
Kyoto / кіото кіотськ / 교토
Osaka / осак / 오사카
Seoul ~Korea ~Korean / сеул ~коре / 서울 ~한국
Busan ^Pusan / пусан бусан / ~부산
Incheon ^Inchon / інчхон інчон / 인천
Pyongyang ~North_Korea ~North_Korean / пхенья ~північн_коре ~КНДР / 평양 ~북한
Jeju ^Cheju / чеджу / 제주
Gangnam ^Kangnam / каннам ґаннам / 강남
Damascus / дамаск / 다마스쿠스 다마스커스
Jerusalem / єрусалим / 예루살렘
Bethlehem / вифлеєм / 베들레헴
Baghdad / багдад / 바그다드
Cairo / каїр / 카이로
Alexandria / александрі / 알렉산드리아
Mecca / Мекк ~мекк / ~메카
Babylon Babylonian / вавилон / 바빌로 바벨론
Jericho / єрихон / 여리고
Kabul / кабул / 카불
Washington ~US ~U_S ~American ~America / вашингтон ~США. ~америк / 워싱턴 ~미국 ~미
Los_Angeles / лос_анджелес / 로스앤젤레스 로스엔젤레스 ~LA ~엘에이
New_York / нью_йорк / 뉴욕
California Californian / Каліфорні каліфорнійс / 캘리포니아
?UN U_N United_Nations / ООН. об'єднаних_націй об’єднаних_націй / 유엔 국제연합 ~UN
NATO / НАТО / 나토 북대서양조약기구 ~NATO
?EU E_U European_Union / ЄС. європейськ_союз євросоюз / 유럽연합 ~EU ~유럽
Hindi / гінді хінді / 힌디
IMF / МВФ / 국제통화기금 ~IMF
WHO World_Health_Organization / ВООЗ ~охорон / 세계보건기구 ~WHO
FBI / ФБР / 연방수사국 ~FBI
CIA / ЦРУ / 중앙정보국 ~CIA
NASA / НАСА ~NASA / 나사 ~NASA ~미항공우주국 ~항공우주국
BBC / Бі_бі_сі ~BBC ~ВВС ~ББС / ~BBC
WTO / СОТ / 세계무역기구 ~WTO
OPEC / ОПЕК / 석유수출국기구 ~OPEC ~오펙
UNESCO / ЮНЕСКО / 유네스코 ~UNESCO
?Pentagon / пентагон. пентагону. пентагоні. Пентагон- / 펜타곤 ~국방부
?White_House / Біл_Дім Біл_дім / 백악관
Wall_Street / Волл_стріт уолл_стріт / 월가 ~월스트리트
?Congress / ~конгрес / ~의회 ~국회 ~하원 ~콩그레스 ~의원 ~회의
?Senate Senator Senators ~Sen / ~сенат / ~상원 ~의원 ~원로원 ~세네트
?Parliament ~Parliamentary ~parliament ~parliamentary ~Rada / ~парламент ~верховн_рад ~рад / ~의회 ~국회 ~팔러먼트 ~의원
Republican Republicans GOP ~Republic ~republican ~republicans / республіканц республіканец Республікансь ~республік / 공화당 ~공화 ~레퍼블리컨
Democrat Democrats ~Democratic ~democratic ~democrats ~democracy / демократів. демократи. демократам. ~демокра / 민주당 ~민주 ~데모
Labour / лейборист ~прац ~робітн / 노동당 ~노동 ~레이버
Tory Tories Conservatives ~Conservative ~conservative ~conservatives / торі. ~консерв / 보수당 토리당 ~보수 ~토리
Nazi Nazis ~nazi / нацис ~націонал / 나치
Christian Christians Christianity / христия / 기독교 ~크리스천 ~그리스도 ~크리스찬 ~크리스티
Christ / христос. христа христов / 그리스도 ~예수 ~크라이스트
Jesus / Ісус ісус / 예수 ~헤수스 ~제수스
Jewish Jews Jew ~Judaism / єврей єврею євреє євреї ~юде ~іуде / 유대인 유대교 유태인 ~유대 ~유태
Muslim Muslims Islam Islamic Islamist Islamists / мусульман іслам / 이슬람 무슬림 ~모슬렘 ~회교
Buddhist Buddhists Buddhism Buddha / будди будд / 불교 부처 ~붓다 ~불상
Hindu Hindus Hinduism / індуїз індуїс індуські індуськ / 힌두
Catholic Catholics / католи / 가톨릭 카톨릭 천주교
Orthodox / православ ортодокс / 정교회 ~정교 ~정통
Protestant Protestants / протестант / 개신교 프로테스탄트 ~신교
Bible Biblical ~biblical ~bible / біблія біблії біблію біблійн / 성경 성서 ~바이블
God ~god ~gods ~Lord ~divine / Бог. Бога. Богу. Богом. ~бог ~бож ~господ / ~신 ~하나님 ~하느님
Christmas / різдв / 크리스마스 성탄
Easter / Великдень. Великодня. Великодню. Великоднем. великодн великдн пасха пасхи пасху пасхаль / 부활절 ~이스터
Mars Martian ~Hwaseong / Марс. Марса. Марсі. Марсу. марсіан / 화성 ~마스
Venus / Венера. Венери. Венеру. Венері. Венерою. венеріан / 금성 ~비너스
Jupiter / Юпітер юпітер / 목성 ~주피터 ~유피테르
Saturn / Сатурн- / 토성 ~새턴
Mercury / Меркурі меркурі ~ртут / ~수성 ~머큐리 ~수은
Celtic Celts / кельти. кельтів. кельтам. кельтськ Селтік- / 켈트 셀틱
Aboriginal Aborigines ~aboriginal ~indigenous ~native / ~абориген ~корінн / ~원주민 ~애버리지
Pope ~pope ~papal / Папа. Папи. Папу. Папою. понтифік ~пап / 교황
Napoleon Napoleonic / Наполеон наполеонівськ / 나폴레옹
Caesar / Цезар / 카이사르 시저 ~케사르
Moses / мойсе мозес / ~모세
Plato / Платон- / 플라톤
Aristotle / аристотел арістотел / 아리스토텔레스
Homer / Гомер- ~хоумер / 호메로스 ~호머
Gypsy Gypsies ~Roma ~Romani ~gypsy / цигани. циган. циганам. циганськ ромськ роми. ромів. ~Рома / 집시 ~로마
Viking Vikings ~viking / вікінг / 바이킹
Xinjiang / синьцзян сіньцзян / ~신장
Uighur Uyghur Uighurs Uyghurs / уйгур / 위구르
Catalonia Catalan Catalans / каталон каталан / 카탈루냐 카탈루니아 카탈로니아 카탈로냐 ~카탈란
Basque Basques / баски. басків. баскам. басками. баскськ баскійськ / 바스크
Andalusia Andalusian / андалус / 안달루시아
Galicia Galician / Галич галицьк Галіс галісійс / 갈리시아 갈리치아
Bavaria Bavarian / бавар / 바이에른 바바리아
Saxony Saxon Saxons / Саксон саксонськ Саксоні сакси. саксів. / 작센 색슨
Prussia Prussian / прусс прусії пруськ / 프로이센 프러시아
Silesia Silesian / сілез шльонськ / 실레지아 슐레지엔
Bohemia Bohemian / Богемі богемськ / 보헤미아
Burgundy Burgundian / бургунд / 부르고뉴 부르군트
Normandy Norman Normans / норманд норман / 노르망디 노르만
Brittany Breton / бретон бретан / 브르타뉴 브리타니
Flanders Flemish / фландр фламанд / 플랑드르 플란데런 플라망
Tuscany Tuscan / тоскан / 토스카나 투스카니
Sicily Sicilian / сицилі / 시칠리아 시실리
Sardinia Sardinian / Сардині сардинськ / 사르데냐 사르디니아
Corsica Corsican / корсик / 코르시카
Crete Cretan / Крит. Криту. Криті. критськ / 크레타
Scandinavia Scandinavian Nordic / скандинав нордич / 스칸디나비아 ~북유럽 ~노르딕
Iberia Iberian / ібері піреней / 이베리아
Caucasus Caucasian / кавказ / 캅카스 코카서스 카프카스
Ural Urals / урал / 우랄
Everest / еверест / 에베레스트
Andes Andean / Анди. Анд. Андах. андськ / 안데스
Sahara / Сахар- сахарськ / 사하라
Amazon Amazonian / амазон Amazon / 아마존
Thames / Темз темз / 템스 템즈
Rhine / Рейн рейнськ / 라인강 ~라인
Volga / Волг волзьк / 볼가
Seine / ~Сен- / 센강 ~센
Niagara / ніагар / 나이아가라
Mississippi / міссісіп / 미시시피
Luxembourg / люксембур / 룩셈부르크
Liechtenstein / ліхтенштейн / 리히텐슈타인
Hanover Hanoverian / ганновер гановер / 하노버
Leipzig / лейпциг лейпциз / 라이프치히
Nuremberg / нюрнбер / 뉘른베르크 뉘렘베르크
Zurich / цюри / 취리히
Basel / базел / 바젤
Bern / Берн- бернськ / 베른
Marseille Marseilles / марсел / 마르세유
Lyon / ліон / 리옹
Strasbourg / страсбур / 스트라스부르
Seville / севіл / 세비야 ~세빌
Genoa / Гену генуезьк / 제노바
Turin / Турин- туринськ / 토리노
Padua / Паду падуанськ / 파도바
Bologna / Болон болонськ / 볼로냐
Antwerp / антверпен / 안트베르펜 앤트워프
Ghent / Гент- гентськ / 헨트 겐트
Bruges / брюгге / 브뤼허 브뤼헤 브뤼주
Thessaloniki / салонік / 테살로니키
Wroclaw / вроцлав / 브로츠와프
Gdansk / гданськ / 그단스크
Lodz / Лодз лодзьк / 우치
Chisinau ^Kishinev / кишин / 키시나우
Tbilisi / тбілі / 트빌리시
Yerevan / єреван / 예레반
Baku / Баку. бакинськ / 바쿠
Tehran Teheran / тегеран / 테헤란
Hanoi / ханой ханої / 하노이
Saigon / сайгон / 사이공
Delhi / Делі делійськ / 델리
Mumbai Bombay / мумба бомбе / 뭄바이 봄베이
Kolkata Calcutta / колката калькут / 콜카타 캘커타
Lhasa / Лхас / 라싸
Fujian / фуцзян / 푸젠 복건
Guangdong / гуандун / 광둥
Hubei / хубей / 후베이
Wuhan / ухан / 우한
Sichuan Szechuan / сичуан / 쓰촨 ~사천
Chongqing / чунцін / 충칭
Shenzhen / шеньчжен / ~선전 ~심천
Nanjing Nanking / нанкін нанцзін / 난징
Tianjin / тяньцзін / 톈진
Zhejiang / чжецзян / 저장성 ~저장
Yunnan / юньнан / 윈난 ~운남
Yangtze / янцзи / 양쯔 양자강 장강
Qing / Цін. цінськ / 청나라 청조 ~청
Ming / Мін. мінськ / 명나라 명조 ~명
Tang / Тан. танськ / 당나라 ~당
Manchuria Manchu / маньчжур / 만주
Mao / Мао. маоїс / 마오쩌둥 모택동 ~마오
Xi / Сі. / 시진핑 ~시
Confucius Confucian / конфуці / 공자 ~유교
Joseon Chosun / чосон чосонськ / ~조선
Goryeo Koryo / корьо / ~고려
Silla / Сілла. Сілли. Сіллу. Сіллі. / ~신라
Daegu ^Taegu / Тегу. / 대구
Gwangju ^Kwangju / кванджу / 광주시 ~광주
Daejeon ^Taejon / Теджон- / ~대전
Gyeonggi / кьонгі / 경기도
Gyeongju Kyongju / Кьонджу. / ~경주
Ulsan / ульсан / 울산
Panmunjom / пханмунджом / 판문점
Hyundai / хюндай хундай гюндай ~Hyundai / 현대자동차 현대차 현대그룹 ~현대
Samsung / самсунг / 삼성
Kim / Кім- / ~김 ~킴
Byzantine Byzantium / візант / 비잔틴 비잔티움 동로마
Constantinople / константинопол царгород / 콘스탄티노플 콘스탄티노폴리스
Istanbul / стамбул / 이스탄불
Carthage Carthaginian / карфаген / 카르타고
Mesopotamia Mesopotamian / месопотам / 메소포타미아
Assyria Assyrian Assyrians / ассирі / 아시리아 앗시리아
Sumer Sumerian Sumerians / шумер / 수메르
Phoenicia Phoenician Phoenicians / фінікі / 페니키아
Hittite Hittites / хети. хетів. хетськ / 히타이트
Inca Incas Incan / інки. інків. інкам. інкськ / 잉카
Maya Mayan Mayas / мая. майя. / ~마야
Aztec Aztecs / ацтек / 아즈텍 아스텍
Inuit / інуїт / 이누이트
Eskimo Eskimos / ескімо / 에스키모
Maori / маорі / 마오리
Zulu / зулус / 줄루
Tatar Tatars Tartar / татар / 타타르
Cossack Cossacks / козаки. козаків. козакам. козаками. козак. козака. козацьк козацтв / 코사크 카자크
Chechnya Chechen Chechens / чечен чечн / 체첸
Ossetia Ossetian / осеті / 오세티야 오세티아
Abkhazia Abkhaz Abkhazian / абхаз / 압하지야 아브하지아
Transnistria / придністров / 트란스니스트리아
Slavic Slav Slavs Slavonic / слов'янс слов’янс слов'яни слов’яни слов'ян. слов’ян. / 슬라브
Latin Latino Latinos Latina / латинськ латиноам латинос ~латин / 라틴 라티노 ~라틴
Hebrew / іврит єврит давньоєврей гебрай / 히브리
Sanskrit / санскрит / 산스크리트
Greenland Greenlandic / гренланд ґренланд / 그린란드
Sumatra / Суматр суматран / 수마트라
Java Javanese / Ява. Яви. Яві. Яву. яванськ / 자바섬 ~자바
Borneo / Борнео. Калімантан / 보르네오
Bali Balinese / Балі. балійськ / ~발리
Lombok / ломбо / 롬복
Okinawa / окінав / 오키나와
Hokkaido / хоккайдо / 홋카이도
Hiroshima / хіросім хірошім / 히로시마
Fukushima / фукусім фукушім / 후쿠시마
Korean_War / корейськ_війн / 한국전쟁 ~한국 ~전쟁
Cape_Verde / Кабо. / 카보베르데
Timor Timorese / тимор / 티모르
Tasmania Tasmanian / тасман / 태즈메이니아
Virginia Virginian / вірджин віргін / 버지니아
Pennsylvania / пенсильван / 펜실베이니아 펜실베니아
Massachusetts / массачусет масачусет / 매사추세츠 메사추세츠
Louisiana / луїзіан / 루이지애나
Arizona / аризон арізон / 애리조나
Alaska Alaskan / аляс Аляс / 알래스카
Texas Texan Texans / техас / 텍사스
Philadelphia / філадельф / 필라델피아
Quebec / квебек / 퀘벡
Newfoundland / ньюфаундленд / 뉴펀들랜드
Patagonia / патагон / 파타고니아
Galapagos / галапаго / 갈라파고스
Columbus / Колумб- / 콜럼버스
Copernicus / коперник / 코페르니쿠스
Michelangelo / мікеланджело / 미켈란젤로
Charlemagne / ~карл / 샤를마뉴 카롤루스
Socrates / сократ / 소크라테스
Zeus / зевс / 제우스
Athena / Афіна. Афіни. Афіну. Афіною. афіна / 아테나
Artemis / артемід / 아르테미스
Hercules / Геркулес- Геракл- / 헤라클레스 허큘리스
Achilles / Ахілл Ахіл / 아킬레스
?Abraham / авраам абрагам / 아브라함 에이브러햄
Solomon / Соломон- / 솔로몬
Isaiah / ісай ісая / 이사야
Jeremiah / єреми єремія джеремая / 예레미야 제러마이아
Ephesus Ephesian Ephesians / Ефес- ефеськ ефесян / 에페소스 에베소
Judea Judean / юдея юдеї юдею іудея іудеї ~єврей / 유다왕국 ~유대 ~유다
Galilee / галіле / 갈릴리
Nazareth / назарет / 나사렛
Genghis_Khan / чингіс / 칭기즈칸 징기스칸
Stalin Stalinist / Сталін- сталінськ сталініз / 스탈린
Lenin Leninist / Ленін- ленінськ ленініз / 레닌
Khrushchev / хрущов / 흐루쇼프 흐루시초프
Gorbachev / горбачов / 고르바초프
Hitler / гітлер / 히틀러
Darwin / дарвін / 다윈
Einstein / ейнштейн айнштайн / 아인슈타인
Freud / Фройд Фрейд / 프로이트
Nobel / нобел / 노벨
Reuters / рейтер ройтер ~Reuters / 로이터 ~Reuters
Olympic Olympics Olympian / олімп / 올림픽 ~올림피 ~올림
Paralympic Paralympics / паралімп / 패럴림픽 장애인올림픽
Red_Cross / червон_хрест / 적십자
OSCE / ОБСЄ / 유럽안보협력기구 ~OSCE
Taliban / талібан таліб / 탈레반
Hamas / хамас / 하마스
Hezbollah / хезбол хезболл / 헤즈볼라
?Celsius / цельсі / 섭씨
?Fahrenheit / фаренгейт / 화씨
Brexit / брекзит брексіт брекзіт / 브렉시트
Twitter / твіттер твітер ~твіт / 트위터 ~트윗
Facebook / фейсбук ~Facebook / 페이스북
Google / гугл ґуґл ~Google / 구글
Wikipedia / вікіпед / 위키백과 위키피디아
?Elizabeth Elisabeth / єлизавет елізабет / 엘리자베스 엘리자베트
?Catherine Katherine Kate / Катерин- Кетрін- Кетрин- / 예카테리나 캐서린 카타리나 카트린
?Charles / Чарльз- Карл- Шарл- / 찰스 샤를 카를
?William / вільям вільгельм уільям / 윌리엄 빌헬름
?Henry Henri Heinrich / Генрі. генріх анрі / 헨리 앙리 하인리히
?George / Джордж- Георг- Юрі- / 조지 게오르크 게오르기
?Louis / Луї. Людовик- Людовік- Луїс- / 루이 루이스
?James Jacob / Джеймс- Яків. Яков- Якоб- / 제임스 야고보 야코프 제이콥
?John / Джон- Іоанн- Йоан- Іван- / ~존 ~요한 ~조니
?Michael / Майкл- Міхаель. Міхаел- Михайл- Мікаел- Мішел- / 마이클 미하엘 미카엘 미하일
?Alexander Alexandre / Олександр- Александр- / 알렉산더 알렉산드르
?Peter Pieter / Пітер- Петер- Петр- / 피터 페터 베드로 표트르
?Paul / Пол- Павл- Пауль. / ~폴 바울 바오로 ~파울
?Joseph / Джозеф- Йосип- Йозеф- Жозеф- / 조지프 조셉 요셉 요제프
?David / Девід- Давид- Дейвід- / 데이비드 데이빗 다윗 다비드
?Mary Maria Marie / Марі- Мері. / 마리아 메리 ~마리
?Ivan / Іван- / 이반 ~이바노
?Vladimir Volodymyr / Владімір- Володимир- / 블라디미르 볼로디미르
";
